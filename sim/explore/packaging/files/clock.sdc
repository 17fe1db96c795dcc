# Constraints of the core alone: the only clock, and paths from and to the logic around it. Leave
# the delays out where that logic is timed in the same run.

create_clock -name aclk -period @period@ [get_ports aclk]

# A third of the cycle is for the logic around the core.
set_input_delay -clock aclk @third@ [get_ports {
@inputs@
}]
set_output_delay -clock aclk @third@ [get_ports {
@outputs@
}]
