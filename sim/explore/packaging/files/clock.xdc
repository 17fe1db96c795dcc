# The clock of the core where Vivado synthesises it out of context, at the frequency for which the
# configuration states times. In a design the clock comes from the logic around the core, so give
# this file the property USED_IN out_of_context, as component.xml does.
#
# There are no exceptions: aclk clocks every register, and every path has one cycle.

create_clock -name aclk -period @period@ [get_ports aclk]
