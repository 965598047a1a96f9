# SPDX-License-Identifier: Apache-2.0
# TinyCBOR: encoder, parser and validation; no floating-point, no printing (the host's tools print by themselves).
foreach(name cborencoder cborencoder_close_container_checked cborparser cborvalidation cborerrorstrings)
    list(APPEND tinycbor_files ${TINYCBOR_SOURCE}/src/${name}.c)
endforeach()
add_library(tinycbor STATIC ${tinycbor_files})
target_include_directories(tinycbor PRIVATE ${TINYCBOR_SOURCE}/src)
target_compile_definitions(tinycbor PRIVATE CBOR_NO_FLOATING_POINT CBOR_NO_HALF_FLOAT_TYPE)
target_compile_options(tinycbor PRIVATE $<IF:$<BOOL:${device}>,-Os,-O2>)
install(TARGETS tinycbor)
install(FILES ${TINYCBOR_SOURCE}/src/cbor.h ${TINYCBOR_SOURCE}/src/tinycbor-version.h DESTINATION include/tinycbor)
