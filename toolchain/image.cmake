# SPDX-License-Identifier: Apache-2.0
# Images: app + kernel + drivers, and with the agent the network and the update agent. All land in build/device/images:
# NAME.elf (symbols), NAME.map, NAME.bin (what a FIT contains; its first byte is the entry, at the board's load address).
include_guard()

set(SKERRY_BOARD qemu-virt CACHE STRING "Folder in board/ whose addresses images are linked for")
set(skerry_images ${CMAKE_BINARY_DIR}/images)
set(skerry_linker_script ${CMAKE_SOURCE_DIR}/kernel/kernel.ld)

# A frame larger than the guard page must not step over it: the compiler touches every page on the way down.
set(skerry_stack_flags -fstack-clash-protection --param=stack-clash-protection-guard-size=12
    --param=stack-clash-protection-probe-interval=12)

# Sets `result` to the value of `key` in the board's board.conf.
function(skerry_board_value key result)
    set(conf ${CMAKE_SOURCE_DIR}/board/${SKERRY_BOARD}/board.conf)
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${conf})
    file(STRINGS ${conf} line REGEX "^${key}[ \t]*=")
    string(REGEX REPLACE "^[^=]*=[ \t]*" "" value "${line}")
    if(NOT value MATCHES "^0x[0-9a-fA-F]+$")
        message(FATAL_ERROR "${conf}: no line `${key} = 0x...`; the linker needs that address")
    endif()
    set(${result} ${value} PARENT_SCOPE)
endfunction()

# skerry_image(NAME APP app-target VERSION x.y.z PARTS target...): one image; PARTS are object libraries or archives.
function(skerry_image name)
    cmake_parse_arguments(arg "" "APP;VERSION" "PARTS" ${ARGN})
    skerry_board_value(kernel-load load)
    skerry_board_value(ram-start ram)
    add_executable(image_${name} ${CMAKE_SOURCE_DIR}/kernel/image_info.c)
    target_compile_definitions(image_${name} PRIVATE IMAGE_NAME="${arg_APP}" IMAGE_VERSION="${arg_VERSION}")
    target_link_libraries(image_${name} PRIVATE app_${arg_APP} kernel bsp ${arg_PARTS} dep::fdt)
    set_target_properties(image_${name} PROPERTIES OUTPUT_NAME ${name} SUFFIX .elf
        RUNTIME_OUTPUT_DIRECTORY ${skerry_images} LINK_DEPENDS ${skerry_linker_script} LINKER_LANGUAGE C)
    target_link_options(image_${name} PRIVATE -T ${skerry_linker_script} -Wl,-Map=${skerry_images}/${name}.map
        -Wl,--defsym=board_load=${load} -Wl,--defsym=board_ram_start=${ram} -Wl,-z,max-page-size=4096)
    add_custom_command(TARGET image_${name} POST_BUILD
        COMMAND ${CMAKE_OBJCOPY} -O binary ${skerry_images}/${name}.elf ${skerry_images}/${name}.bin
        BYPRODUCTS ${skerry_images}/${name}.bin ${skerry_images}/${name}.map VERBATIM)
endfunction()

# skerry_app(NAME SOURCES file... [VERSIONS x.y.z...]): an app and its images: NAME with the agent and NAME-bare without, of the
# first version; of each further version NAME-x.y.z with the agent. They differ in one small object (image_info.c).
function(skerry_app name)
    cmake_parse_arguments(arg "" "" "SOURCES;VERSIONS" ${ARGN})
    if(NOT arg_VERSIONS)
        set(arg_VERSIONS 1.0.0)
    endif()
    add_library(app_${name} OBJECT ${arg_SOURCES})
    target_include_directories(app_${name} PRIVATE ${CMAKE_SOURCE_DIR}/kernel/include)
    list(POP_FRONT arg_VERSIONS first)
    skerry_image(${name}-bare APP ${name} VERSION ${first} PARTS kernel_bare)
    if(TARGET agent_unikernel)
        skerry_image(${name} APP ${name} VERSION ${first} PARTS agent_unikernel)
        foreach(version ${arg_VERSIONS})
            skerry_image(${name}-${version} APP ${name} VERSION ${version} PARTS agent_unikernel)
        endforeach()
    endif()
endfunction()
