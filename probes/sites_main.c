/* SPDX-License-Identifier: MIT */
/* Prints the stage sites of vmm-lite, which is linked to it, as C: part of the build. */
#include <stdio.h>

#include "probes/stage_point.h"

/* Made by the linker: the bounds of the section. */
extern const struct stage_site __start_stage_sites[], __stop_stage_sites[];

int main(void)
{
	printf("/* Made by %s: where vmm-lite makes its marks. */\n", __FILE__);
	/* cppcheck-suppress comparePointers; both are ends of the same section */
	for (const struct stage_site *site = __start_stage_sites; site < __stop_stage_sites; site++)
		printf("{\"%s\", \"%s\", \"%s\", %llu},\n", site->name, site->file, site->function,
		       (unsigned long long)site->line);
	return fflush(stdout) ? 1 : 0;
}
