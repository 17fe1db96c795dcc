# Builds a project for Zynq-7000: the accelerator beside the processor, in a block design that is
# validated and, unless told, not implemented.
#
#   vivado -mode batch -source vivado/block_design.tcl
#   vivado -mode batch -source vivado/block_design.tcl -tclargs [PART [BOARD_PART]] [bitstream]
#
# Without arguments the part is xc7z020clg400-1, and the processor has its preset of no board. With
# the word "bitstream" as the last argument the design is implemented as well.

set package [file dirname [file dirname [file normalize [info script]]]]
set implement [expr {[lindex $argv end] eq "bitstream"}]
set named [expr {$implement ? [lrange $argv 0 end-1] : $argv}]
set part [expr {[llength $named] > 0 ? [lindex $named 0] : "xc7z020clg400-1"}]
set board [expr {[llength $named] > 1 ? [lindex $named 1] : ""}]

create_project @top@_system build/vivado -part $part -force
if {$board ne ""} {
    set_property board_part $board [current_project]
}
set_property ip_repo_paths $package [current_project]
update_ip_catalog

create_bd_design system
set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
    -config {make_external "FIXED_IO, DDR" apply_board_preset "1"} $ps
set_property -dict [list \
    CONFIG.PCW_USE_M_AXI_GP0 1 \
    CONFIG.PCW_USE_S_AXI_HP0 1 \
    CONFIG.PCW_USE_FABRIC_INTERRUPT 1 \
    CONFIG.PCW_IRQ_F2P_INTR 1 \
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ @clock_mhz@ \
] $ps
set core [create_bd_cell -type ip -vlnv refrain:ip:@top@ core]

# The processor writes registers through GP0; the accelerator reads and writes DRAM through HP0.
# There is one clock. By its name it would have to be written with the frequency as Vivado rounds it.
apply_bd_automation -rule xilinx.com:bd_rule:axi4 \
    -config {Master "/ps/M_AXI_GP0" Clk "Auto"} \
    [get_bd_intf_pins core/s_axi]
apply_bd_automation -rule xilinx.com:bd_rule:axi4 \
    -config {Master "/core/m_axi" Slave "/ps/S_AXI_HP0" Clk "Auto"} \
    [get_bd_intf_pins ps/S_AXI_HP0]
connect_bd_net [get_bd_pins core/interrupt] [get_bd_pins ps/IRQ_F2P]

# Resets that the rules left open end with the one of the buses.
foreach name {@reset_words@} {
    set pin [get_bd_pins core/$name]
    if {[llength [get_bd_nets -quiet -of_objects $pin]] == 0} {
        set reset [get_bd_pins -filter {NAME == peripheral_aresetn} -of_objects \
            [get_bd_cells -filter {VLNV =~ *proc_sys_reset*}]]
        connect_bd_net [lindex $reset 0] $pin
    }
}

assign_bd_address
validate_bd_design
save_bd_design
make_wrapper -files [get_files system.bd] -top -import
set_property top system_wrapper [current_fileset]

if {$implement} {
    launch_runs impl_1 -to_step write_bitstream -jobs 4
    wait_on_run impl_1
    if {[get_property PROGRESS [get_runs impl_1]] ne "100%"} {
        error "implementation failed: see build/vivado"
    }
    open_run impl_1
    report_timing_summary -file build/vivado/timing.rpt
    report_utilization -hierarchical -file build/vivado/utilization.rpt
}
