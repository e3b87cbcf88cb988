/* SPDX-License-Identifier: MIT */
/*
 * The machine: owns everything and puts it together. The only place that knows all the parts.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include "vmm-lite/options.h"

/*
 * Build the machine that the options describe, run it until it ends, take it down. The exit
 * status of the program: 0 the guest powered off, or what it wrote to the exit port; 1 it could
 * not be built, or it crashed; 128 + N signal N ended it. Prints its own messages.
 */
int machine_run(const struct options *options);

#endif
