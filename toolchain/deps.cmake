# SPDX-License-Identifier: Apache-2.0
# The third-party libraries as targets dep::NAME. Builds them into the cache when they are missing (toolchain/thirdparty.sh);
# a change of a pin or of a configuration header makes CMake look again.
set(skerry_toolchain ${CMAKE_CURRENT_LIST_DIR})

# Sets `result` to the folder that a toolchain script prints.
function(skerry_toolchain_prefix result)
    execute_process(COMMAND ${skerry_toolchain}/${ARGN} OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        list(JOIN ARGN " " command)
        message(FATAL_ERROR "toolchain/${command} failed; its message is above")
    endif()
    set(${result} ${prefix} PARENT_SCOPE)
endfunction()

# skerry_dep(NAME INCLUDE folder... [LINK dep::...] [DEFINE ...]): dep::NAME is libNAME.a of the prefix.
function(skerry_dep name)
    cmake_parse_arguments(arg "" "" "INCLUDE;LINK;DEFINE" ${ARGN})
    list(TRANSFORM arg_INCLUDE PREPEND ${skerry_prefix}/include/)
    add_library(dep::${name} STATIC IMPORTED GLOBAL)
    set_target_properties(dep::${name} PROPERTIES
        IMPORTED_LOCATION ${skerry_prefix}/lib/lib${name}.a
        INTERFACE_INCLUDE_DIRECTORIES "${arg_INCLUDE}"
        INTERFACE_COMPILE_DEFINITIONS "${arg_DEFINE}"
        INTERFACE_LINK_LIBRARIES "${arg_LINK}")
endfunction()

execute_process(COMMAND ${skerry_toolchain}/thirdparty.sh inputs OUTPUT_VARIABLE skerry_inputs OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REPLACE "\n" ";" skerry_inputs "${skerry_inputs}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${skerry_inputs})

if(CMAKE_SYSTEM_NAME STREQUAL Generic)
    set(skerry_side device)
    skerry_toolchain_prefix(skerry_picolibc picolibc.sh)
    add_library(dep::picolibc INTERFACE IMPORTED GLOBAL)
    target_include_directories(dep::picolibc SYSTEM INTERFACE ${skerry_picolibc}/include)
    target_link_libraries(dep::picolibc INTERFACE ${skerry_picolibc}/lib/libc.a gcc)
else()
    set(skerry_side host)
    find_package(Threads REQUIRED)
    set(skerry_threads Threads::Threads)
endif()
skerry_toolchain_prefix(skerry_prefix thirdparty.sh ${skerry_side})

set(mbedtls_define MBEDTLS_CONFIG_FILE=<mbedtls_config.h> MBEDTLS_USER_CONFIG_FILE=<mbedtls_config_${skerry_side}.h>)
skerry_dep(mbedcrypto INCLUDE mbedtls DEFINE ${mbedtls_define} LINK ${skerry_threads})
skerry_dep(mbedx509 INCLUDE mbedtls LINK dep::mbedcrypto)
skerry_dep(mbedtls INCLUDE mbedtls LINK dep::mbedx509)
skerry_dep(fdt INCLUDE fdt)
skerry_dep(mosquitto INCLUDE mosquitto DEFINE LIBMOSQUITTO_STATIC)
# What the replacement of libmosquitto's net_mosq.c includes; for that file only.
add_library(dep::mosquitto_private INTERFACE IMPORTED GLOBAL)
target_include_directories(dep::mosquitto_private SYSTEM INTERFACE ${skerry_prefix}/include/mosquitto_private)
target_link_libraries(dep::mosquitto_private INTERFACE dep::mosquitto)
if(skerry_side STREQUAL device)
    skerry_dep(lwip INCLUDE lwip)
endif()

# The system's libraries, for fleet/ and the tests: dep::system_NAME.
if(skerry_side STREQUAL host)
    find_package(PkgConfig REQUIRED)
    foreach(name libmosquitto libmicrohttpd jansson sqlite3 libcurl gnutls libdw cmocka)
        pkg_check_modules(system_${name} REQUIRED IMPORTED_TARGET GLOBAL ${name})
        add_library(dep::system_${name} ALIAS PkgConfig::system_${name})
    endforeach()
endif()
