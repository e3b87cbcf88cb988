/* SPDX-License-Identifier: MIT */
/*
 * vmm-lite bench: the device, driven at full speed by a guest driver in this very process. No KVM
 * is needed; device, rings, disk code and probes are those of `vmm-lite run`.
 */
#ifndef VMM_BENCH_BENCH_H
#define VMM_BENCH_BENCH_H

struct options;

/*
 * Run what the options say and print the result to standard output. Sets up the stage rings and
 * takes them down. Exit status: 0; 1 if it could not be run, or if requests failed other than by
 * error=; 2 if the options make no sense together.
 */
int bench_run(const struct options *options);

#endif
