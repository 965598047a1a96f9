# SPDX-License-Identifier: Apache-2.0
# lwIP: TCP, UDP, IPv4, DHCP, DNS over Ethernet; configured by kernel/net.
foreach(name def dns inet_chksum init ip mem memp netif pbuf sys tcp tcp_in tcp_out timeouts udp
        ipv4/acd ipv4/dhcp ipv4/etharp ipv4/icmp ipv4/ip4 ipv4/ip4_addr)
    list(APPEND lwip_files ${LWIP_SOURCE}/src/core/${name}.c)
endforeach()
add_library(lwip STATIC ${lwip_files} ${LWIP_SOURCE}/src/netif/ethernet.c)
target_include_directories(lwip PRIVATE ${LWIP_SOURCE}/src/include ${top}/kernel/net)
target_compile_options(lwip PRIVATE -Os)
install(TARGETS lwip)
install(DIRECTORY ${LWIP_SOURCE}/src/include/lwip ${LWIP_SOURCE}/src/include/netif DESTINATION include/lwip)
install(FILES ${top}/kernel/net/lwipopts.h DESTINATION include/lwip)
install(FILES ${top}/kernel/net/arch/cc.h DESTINATION include/lwip/arch)
