# SPDX-License-Identifier: Apache-2.0
# libmosquitto, the client library, without its own TLS, threads, SRV, SOCKS and sockets: agent/common has the functions
# of net_mosq.c over our byte streams. Its private headers are installed for that file.
set(mosquitto_names
    actions callbacks connect handle_auth handle_connack handle_disconnect handle_ping handle_pubackcomp handle_publish
    handle_pubrec handle_pubrel handle_suback handle_unsuback helpers logging_mosq loop memory_mosq messages_mosq
    misc_mosq mosquitto options packet_datatypes packet_mosq property_mosq read_handle send_connect send_disconnect
    send_mosq send_publish send_subscribe send_unsubscribe srv_mosq strings_mosq thread_mosq time_mosq tls_mosq
    utf8_mosq util_mosq util_topic will_mosq)
list(TRANSFORM mosquitto_names REPLACE "(.+)" "${MOSQUITTO_SOURCE}/lib/\\1.c" OUTPUT_VARIABLE mosquitto_files)

add_library(mosquitto STATIC ${mosquitto_files})
target_include_directories(mosquitto PRIVATE ${MOSQUITTO_SOURCE} ${MOSQUITTO_SOURCE}/include ${MOSQUITTO_SOURCE}/lib ${MOSQUITTO_SOURCE}/deps)
target_compile_definitions(mosquitto PRIVATE VERSION="2.0.21" LIBMOSQUITTO_STATIC)
target_compile_options(mosquitto PRIVATE $<IF:$<BOOL:${device}>,-Os,-O2>)
if(device)
    # picolibc has no <sys/socket.h>; with the two macros mosquitto_time() is CLOCK_MONOTONIC, which no clock step disturbs.
    target_include_directories(mosquitto PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/shim)
    target_compile_definitions(mosquitto PRIVATE _POSIX_TIMERS=1 _POSIX_MONOTONIC_CLOCK=1)
    install(FILES shim/sys/socket.h DESTINATION include/mosquitto_private/sys)
endif()

install(TARGETS mosquitto)
install(FILES ${MOSQUITTO_SOURCE}/include/mosquitto.h ${MOSQUITTO_SOURCE}/include/mqtt_protocol.h DESTINATION include/mosquitto)
install(DIRECTORY ${MOSQUITTO_SOURCE}/lib/ ${MOSQUITTO_SOURCE}/deps/ DESTINATION include/mosquitto_private
    FILES_MATCHING PATTERN "*.h" PATTERN cpp EXCLUDE)
install(FILES ${MOSQUITTO_SOURCE}/config.h DESTINATION include/mosquitto_private)
