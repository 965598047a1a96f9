# SPDX-License-Identifier: Apache-2.0
# mbedTLS: all of library/ but sockets and DTLS timers; files that the configuration leaves out compile to nothing.
file(GLOB mbedtls_files CONFIGURE_DEPENDS ${MBEDTLS_SOURCE}/library/*.c)
list(REMOVE_ITEM mbedtls_files ${MBEDTLS_SOURCE}/library/net_sockets.c ${MBEDTLS_SOURCE}/library/timing.c)
set(tls_files ${mbedtls_files})
set(x509_files ${mbedtls_files})
set(crypto_files ${mbedtls_files})
list(FILTER tls_files INCLUDE REGEX "/(ssl_|debug|mps_)[^/]*$")
list(FILTER x509_files INCLUDE REGEX "/(x509|pkcs7)[^/]*$")
list(FILTER crypto_files EXCLUDE REGEX "/(ssl_|debug|mps_|x509|pkcs7)[^/]*$")

add_library(mbedcrypto STATIC ${crypto_files})
add_library(mbedx509 STATIC ${x509_files})
add_library(mbedtls STATIC ${tls_files})

foreach(library mbedcrypto mbedx509 mbedtls)
    target_include_directories(${library} PRIVATE ${MBEDTLS_SOURCE}/include ${MBEDTLS_SOURCE}/library
        ${top}/agent/common ${CMAKE_CURRENT_SOURCE_DIR})
    # In angle brackets: mbedTLS's own header of the same name must not be found first.
    target_compile_definitions(${library} PRIVATE MBEDTLS_CONFIG_FILE=<mbedtls_config.h>
        MBEDTLS_USER_CONFIG_FILE=<mbedtls_config_$<IF:$<BOOL:${device}>,device,host>.h$<ANGLE-R>)
    # Speed where the time goes, size elsewhere: elliptic curves dominate a handshake, ciphers and hashes a download.
    target_compile_options(${library} PRIVATE $<IF:$<BOOL:${device}>,-Os,-O2>)
endforeach()

if(device)
    set(hot aes aesce bignum bignum_core bignum_mod bignum_mod_raw chacha20 chachapoly constant_time ecp ecp_curves
        gcm poly1305 sha256 sha512)
    list(TRANSFORM hot REPLACE "(.+)" "${MBEDTLS_SOURCE}/library/\\1.c")
    set_source_files_properties(${hot} PROPERTIES COMPILE_OPTIONS -O2)
    # These four ask Linux for the processor's crypto instructions; shim/sys/auxv.h answers in its place.
    foreach(file aes aesce gcm sha256)
        set_property(SOURCE ${MBEDTLS_SOURCE}/library/${file}.c APPEND PROPERTY COMPILE_OPTIONS -D__linux__ -D__unix__)
        set_property(SOURCE ${MBEDTLS_SOURCE}/library/${file}.c APPEND PROPERTY INCLUDE_DIRECTORIES ${CMAKE_CURRENT_SOURCE_DIR}/shim)
    endforeach()
endif()

install(TARGETS mbedcrypto mbedx509 mbedtls)
install(DIRECTORY ${MBEDTLS_SOURCE}/include/ DESTINATION include/mbedtls PATTERN mbedtls_config.h EXCLUDE PATTERN CMakeLists.txt EXCLUDE)
install(FILES ${top}/agent/common/mbedtls_config.h mbedtls_config_device.h mbedtls_config_host.h DESTINATION include/mbedtls)
