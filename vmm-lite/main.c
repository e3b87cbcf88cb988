/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "vmm-lite/bench/bench.h"
#include "vmm-lite/log.h"
#include "vmm-lite/machine.h"
#include "vmm-lite/options.h"
#include "vmm-lite/qtest/qtest.h"

int main(int argc, char **argv)
{
	struct options options;
	char err[512];
	int status = options_parse(&options, argc, argv, err, sizeof(err));

	if (status) {
		log_line("%s", err);
	} else {
		switch (options.command) {
		case VMM_RUN: status = machine_run(&options); break;
		case VMM_BENCH: status = bench_run(&options); break;
		case VMM_QTEST: status = qtest_run(&options); break;
		case VMM_TABLES: options_print_tables(stdout); break;
		case VMM_HELP: options_print_help(stdout, options.help_for); break;
		default: puts("vmm-lite " VBTRACE_VERSION); break;
		}
	}
	options_release(&options);
	return status;
}
