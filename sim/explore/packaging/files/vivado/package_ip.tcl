# Checks the component of this package with Vivado, and writes it again in that Vivado's own words.
# The file component.xml is valid as it is; run this where your release wants an upgrade.
#
#   vivado -mode batch -source vivado/package_ip.tcl

set package [file dirname [file dirname [file normalize [info script]]]]

create_project -in_memory -part xc7z020clg400-1
ipx::open_core $package/component.xml
set core [ipx::current_core]
ipx::merge_project_changes ports $core
ipx::check_integrity $core
ipx::save_core $core
ipx::archive_core [file join [pwd] @top@.zip] $core
puts "wrote [file join [pwd] @top@.zip]"
