/* SPDX-License-Identifier: MIT */
/*
 * The names that numbers in headers have. Sources: the RFC of each protocol and
 * the IANA registries that they set up. NULL for a number without a name here.
 */
#include "inspect/dissect.h"

#include "wire/eth.h"
#include "wire/icmp4.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

struct name {
    unsigned number;
    const char *text;
};

static const char *find(const struct name *names, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].number == number)
            return names[i].text;
    return NULL;
}

#define FIND(names, number) find(names, sizeof(names) / sizeof((names)[0]), number)

const char *inspect_name_ethertype(unsigned type)
{
    static const struct name names[] = {
        {WIRE_ETHERTYPE_IP4, "IPv4"},
        {WIRE_ETHERTYPE_ARP, "ARP"},
        {WIRE_ETHERTYPE_VLAN, "802.1Q tag"},
        {WIRE_ETHERTYPE_IP6, "IPv6"},
        {0x88a8, "802.1ad service tag"},
        {0x8847, "MPLS"},
        {0x8863, "PPPoE discovery"},
        {0x8864, "PPPoE session"},
        {0x888e, "802.1X"},
        {0x88cc, "LLDP"},
        {0x88e5, "MACsec"},
        {0x88f7, "PTP"},
    };

    return FIND(names, type);
}

const char *inspect_name_ip_proto(unsigned proto)
{
    static const struct name names[] = {
        {0, "IPv6 Hop-by-Hop Options"},
        {WIRE_PROTO_ICMP, "ICMP"},
        {WIRE_PROTO_IGMP, "IGMP"},
        {4, "IPv4 in IP"},
        {WIRE_PROTO_TCP, "TCP"},
        {WIRE_PROTO_UDP, "UDP"},
        {41, "IPv6 in IP"},
        {43, "IPv6 Routing"},
        {44, "IPv6 Fragment"},
        {47, "GRE"},
        {50, "ESP"},
        {51, "AH"},
        {WIRE_PROTO_ICMP6, "ICMPv6"},
        {59, "no next header"},
        {60, "IPv6 Destination Options"},
        {89, "OSPF"},
        {103, "PIM"},
        {112, "VRRP"},
        {132, "SCTP"},
        {136, "UDP-Lite"},
    };

    return FIND(names, proto);
}

const char *inspect_name_port(unsigned port)
{
    static const struct name names[] = {
        {20, "ftp-data"},       {21, "ftp"},         {22, "ssh"},           {23, "telnet"},
        {25, "smtp"},           {53, "domain"},      {67, "dhcp server"},   {68, "dhcp client"},
        {69, "tftp"},           {80, "http"},        {110, "pop3"},         {123, "ntp"},
        {137, "netbios-ns"},    {143, "imap"},       {161, "snmp"},         {179, "bgp"},
        {389, "ldap"},          {443, "https"},      {514, "syslog"},       {546, "dhcpv6 client"},
        {547, "dhcpv6 server"}, {587, "submission"}, {853, "dns over tls"}, {993, "imaps"},
        {1900, "ssdp"},         {5201, "iperf3"},    {5353, "mdns"},        {5355, "llmnr"},
        {8080, "http-alt"},
    };

    return FIND(names, port);
}

const char *inspect_name_icmp4(unsigned type)
{
    static const struct name names[] = {
        {WIRE_ICMP4_ECHO_REPLY, "Echo Reply"},
        {WIRE_ICMP4_UNREACHABLE, "Destination Unreachable"},
        {WIRE_ICMP4_SOURCE_QUENCH, "Source Quench"},
        {WIRE_ICMP4_REDIRECT, "Redirect"},
        {WIRE_ICMP4_ECHO, "Echo"},
        {9, "Router Advertisement"},
        {10, "Router Solicitation"},
        {WIRE_ICMP4_TIME_EXCEEDED, "Time Exceeded"},
        {WIRE_ICMP4_PARAMETER_PROBLEM, "Parameter Problem"},
        {WIRE_ICMP4_TIMESTAMP, "Timestamp"},
        {WIRE_ICMP4_TIMESTAMP_REPLY, "Timestamp Reply"},
        {15, "Information Request"},
        {16, "Information Reply"},
        {17, "Address Mask Request"},
        {18, "Address Mask Reply"},
    };

    return FIND(names, type);
}

static const char *icmp4_unreachable_code(unsigned code)
{
    static const struct name names[] = {
        {WIRE_ICMP4_NET_UNREACHABLE, "net unreachable"},
        {WIRE_ICMP4_HOST_UNREACHABLE, "host unreachable"},
        {WIRE_ICMP4_PROTOCOL_UNREACHABLE, "protocol unreachable"},
        {WIRE_ICMP4_PORT_UNREACHABLE, "port unreachable"},
        {WIRE_ICMP4_FRAGMENTATION_NEEDED, "fragmentation needed and DF set"},
        {WIRE_ICMP4_SOURCE_ROUTE_FAILED, "source route failed"},
        {6, "destination network unknown"},
        {7, "destination host unknown"},
        {8, "source host isolated"},
        {9, "network administratively prohibited"},
        {10, "host administratively prohibited"},
        {11, "network unreachable for type of service"},
        {12, "host unreachable for type of service"},
        {WIRE_ICMP4_ADMIN_PROHIBITED, "communication administratively prohibited"},
        {14, "host precedence violation"},
        {15, "precedence cutoff in effect"},
    };

    return FIND(names, code);
}

const char *inspect_name_icmp4_code(unsigned type, unsigned code)
{
    static const struct name redirect[] = {
        {0, "for the network"},
        {1, "for the host"},
        {2, "for type of service and network"},
        {3, "for type of service and host"},
    };
    static const struct name exceeded[] = {
        {0, "time to live exceeded in transit"},
        {1, "fragment reassembly time exceeded"},
    };
    static const struct name parameter[] = {
        {0, "pointer indicates the error"},
        {1, "a required option is missing"},
        {2, "bad length"},
    };

    switch (type) {
    case WIRE_ICMP4_UNREACHABLE:
        return icmp4_unreachable_code(code);
    case WIRE_ICMP4_REDIRECT:
        return FIND(redirect, code);
    case WIRE_ICMP4_TIME_EXCEEDED:
        return FIND(exceeded, code);
    case WIRE_ICMP4_PARAMETER_PROBLEM:
        return FIND(parameter, code);
    default:
        return NULL;
    }
}

const char *inspect_name_icmp6(unsigned type)
{
    static const struct name names[] = {
        {1, "Destination Unreachable"},
        {2, "Packet Too Big"},
        {3, "Time Exceeded"},
        {4, "Parameter Problem"},
        {128, "Echo Request"},
        {129, "Echo Reply"},
        {130, "Multicast Listener Query"},
        {131, "Multicast Listener Report"},
        {132, "Multicast Listener Done"},
        {133, "Router Solicitation"},
        {134, "Router Advertisement"},
        {135, "Neighbor Solicitation"},
        {136, "Neighbor Advertisement"},
        {137, "Redirect"},
        {143, "Version 2 Multicast Listener Report"},
    };

    return FIND(names, type);
}

const char *inspect_name_icmp6_code(unsigned type, unsigned code)
{
    static const struct name unreachable[] = {
        {0, "no route to destination"},
        {1, "administratively prohibited"},
        {2, "beyond scope of source address"},
        {3, "address unreachable"},
        {4, "port unreachable"},
        {5, "source address failed ingress/egress policy"},
        {6, "reject route to destination"},
    };
    static const struct name exceeded[] = {
        {0, "hop limit exceeded in transit"},
        {1, "fragment reassembly time exceeded"},
    };
    static const struct name parameter[] = {
        {0, "erroneous header field"},
        {1, "unrecognized Next Header type"},
        {2, "unrecognized IPv6 option"},
    };

    switch (type) {
    case 1:
        return FIND(unreachable, code);
    case 3:
        return FIND(exceeded, code);
    case 4:
        return FIND(parameter, code);
    default:
        return NULL;
    }
}

const char *inspect_name_dscp(unsigned dscp)
{
    static const struct name names[] = {
        {0, "default"},      {8, "CS1"},
        {16, "CS2"},         {24, "CS3"},
        {32, "CS4"},         {40, "CS5"},
        {48, "CS6"},         {56, "CS7"},
        {10, "AF11"},        {12, "AF12"},
        {14, "AF13"},        {18, "AF21"},
        {20, "AF22"},        {22, "AF23"},
        {26, "AF31"},        {28, "AF32"},
        {30, "AF33"},        {34, "AF41"},
        {36, "AF42"},        {38, "AF43"},
        {44, "voice admit"}, {46, "expedited forwarding"},
        {1, "lower effort"},
    };

    return FIND(names, dscp);
}

/* RFC 3168 5. */
const char *inspect_name_ecn(unsigned ecn)
{
    static const char *const names[] = {"not ECN-capable", "ECT(1)", "ECT(0)", "CE: congestion experienced"};

    return names[ecn & 3];
}

const char *inspect_name_tcp_flags(unsigned flags, char *buf, size_t size)
{
    /* In the order in which people say them, not that of the bits. */
    static const struct name names[] = {
        {WIRE_TCP_SYN, "SYN"}, {WIRE_TCP_FIN, "FIN"}, {WIRE_TCP_RST, "RST"},
        {WIRE_TCP_PSH, "PSH"}, {WIRE_TCP_ACK, "ACK"}, {WIRE_TCP_URG, "URG"},
        {WIRE_TCP_ECE, "ECE"}, {WIRE_TCP_CWR, "CWR"}, {WIRE_TCP_AE, "AE"},
    };
    struct inspect_text t = inspect_text_in(buf, size);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (flags & names[i].number)
            inspect_text_format(&t, "%s%s", t.used ? ", " : "", names[i].text);
    if (t.used == 0)
        inspect_text_format(&t, "none");
    return buf;
}
