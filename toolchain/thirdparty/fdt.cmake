# SPDX-License-Identifier: Apache-2.0
# libfdt: reading everywhere, writing too (unused parts are dropped by the linker).
foreach(name fdt fdt_ro fdt_addresses fdt_check fdt_strerror fdt_rw fdt_sw fdt_wip fdt_empty_tree)
    list(APPEND fdt_files ${DTC_SOURCE}/libfdt/${name}.c)
endforeach()
add_library(fdt STATIC ${fdt_files})
target_include_directories(fdt PRIVATE ${DTC_SOURCE}/libfdt)
target_compile_options(fdt PRIVATE $<IF:$<BOOL:${device}>,-Os,-O2>)
install(TARGETS fdt)
install(FILES ${DTC_SOURCE}/libfdt/fdt.h ${DTC_SOURCE}/libfdt/libfdt.h ${DTC_SOURCE}/libfdt/libfdt_env.h DESTINATION include/fdt)
