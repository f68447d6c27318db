/* SPDX-License-Identifier: MIT */
/*
 * TCP-AO's traffic keys and MACs: all test vectors of RFC 9235. Each is a whole packet, with its traffic key; the MAC
 * stands in its option. The client is who sends the SYN.
 */
#include "support.h"

#include <string.h>

#include <weft/loop.h>

#include "tcp/tcb.h"
#include "wire/ip4.h"

#define MASTER_KEY "testvector" /* RFC 9235 3.1.1 */
#define CLIENT_ID  0x3d         /* what the client sends as KeyID */
#define SERVER_ID  0x54

static const struct {
    const char *section;
    enum weft_tcp_ao_algorithm algorithm;
    bool exclude_options;
    enum tcp_ao_direction direction; /* as the client sees it */
    uint32_t client_isn, server_isn;
    const char *packet, *traffic;
} vectors[] = {
    {"4.1", WEFT_TCP_AO_SHA1, false, TCP_AO_SEND_SYN, 0xfbfbab5a, 0x11c14261,
     "45e0004cdd0f4000ff06bf6b0a0b0c0dac1b1c1de9d700b3fbfbab5a00000000e002ffffcac40000020405b4"
     "010303080402080a00155ab7000000001d103d542ee437c6f8ede6d7c4d602e7",
     "6d63ef1b02fe1509d4b1402707fd7b0416abb74f"},
    {"4.1", WEFT_TCP_AO_SHA1, false, TCP_AO_RECEIVE_OTHER, 0xfbfbab5a, 0x11c14261,
     "45e0004c65064000ff063775ac1b1c1d0a0b0c0d00b3e9d711c14261fbfbab5be012ffff37760000020405b4"
     "010303080402080a84a50beb00155ab71d10543deeab0fe24c3010815116b3be",
     "d9e217e4834a80ca2f3fd8de2e41b8e6797fea96"},
    {"4.1", WEFT_TCP_AO_SHA1, false, TCP_AO_SEND_OTHER, 0xfbfbab5a, 0x11c14261,
     "45e0008736a14000ff06659f0a0b0c0dac1b1c1de9d700b3fbfbab5b11c14262c0180104a16200000101080a"
     "00155ac184a50beb1d103d547064cf998cc6c315c2c2e2bfffffffffffffffffffffffffffffffff00430104"
     "dabf00b40a0b0c0d260206010400010001020280000202020002024200020641040000dabf02084006006400"
     "010100",
     "d2e59c65ffc7b1a39347656463b70edc24a13d71"},
    {"4.1", WEFT_TCP_AO_SHA1, false, TCP_AO_RECEIVE_OTHER, 0xfbfbab5a, 0x11c14261,
     "45e000871fa94000ff067c97ac1b1c1d0a0b0c0d00b3e9d711c14262fbfbab9ec0180100400c00000101080a"
     "84a50bf500155ac11d10543da63f0ecbbb2e635c954deac7ffffffffffffffffffffffffffffffff00430104"
     "dac000b4ac1b1c1d260206010400010001020280000202020002024200020641040000dac002084006006400"
     "010100",
     "d9e217e4834a80ca2f3fd8de2e41b8e6797fea96"},
    {"4.2", WEFT_TCP_AO_SHA1, true, TCP_AO_SEND_SYN, 0xcb0efbee, 0xacd5b5e1,
     "45e0004c53994000ff0648e20a0b0c0dac1b1c1dff1200b3cb0efbee00000000e002ffff541f0000020405b4"
     "010303080402080a00024cce000000001d103d5480af3cfeb85368937b8f9ec2",
     "30eaa1560cf0be57dab5c045229fb10a423cd7ea"},
    {"4.2", WEFT_TCP_AO_SHA1, true, TCP_AO_RECEIVE_OTHER, 0xcb0efbee, 0xacd5b5e1,
     "45e0004c32844000ff0669f7ac1b1c1d0a0b0c0d00b3ff12acd5b5e1cb0efbefe012ffff388e0000020405b4"
     "010303080402080a576772f300024cce1d10543d09306f9acea63a8c68cb9a70",
     "b5b2896bb3664e8176b0edc6e799524101a8307f"},
    {"4.2", WEFT_TCP_AO_SHA1, true, TCP_AO_SEND_OTHER, 0xcb0efbee, 0xacd5b5e1,
     "45e00087a8f54000ff06f34a0a0b0c0dac1b1c1dff1200b3cb0efbefacd5b5e2c01801046c4500000101080a"
     "00024cce576772f31d103d54710608cc696c03a271c93aa5ffffffffffffffffffffffffffffffff00430104"
     "dabf00b40a0b0c0d260206010400010001020280000202020002024200020641040000dabf02084006006400"
     "010100",
     "f3db1793d7910ecd806c34f155ea1f00345953e3"},
    {"4.2", WEFT_TCP_AO_SHA1, true, TCP_AO_RECEIVE_OTHER, 0xcb0efbee, 0xacd5b5e1,
     "45e0008754374000ff064809ac1b1c1d0a0b0c0d00b3ff12acd5b5e2cb0efc32c018010046b600000101080a"
     "576772f300024cce1d10543d97766e48ac262de9ae61b4f9ffffffffffffffffffffffffffffffff00430104"
     "dac000b4ac1b1c1d260206010400010001020280000202020002024200020641040000dac002084006006400"
     "010100",
     "b5b2896bb3664e8176b0edc6e799524101a8307f"},
    {"5.1", WEFT_TCP_AO_AES128, false, TCP_AO_SEND_SYN, 0x787a1ddf, 0xfadd6de9,
     "45e0004c7b9f4000ff0620dc0a0b0c0dac1b1c1dc4fa00b3787a1ddf00000000e002ffff5a0f0000020405b4"
     "010303080402080a00017ed0000000001d103d54e477e99c8040765498e55091",
     "f5b8b3d5f34fdbb6eb8d4ab9660e60e3"},
    {"5.1", WEFT_TCP_AO_AES128, false, TCP_AO_RECEIVE_OTHER, 0x787a1ddf, 0xfadd6de9,
     "45e0004c4bad4000ff0650ceac1b1c1d0a0b0c0d00b3c4fafadd6de9787a1de0e012fffff3f20000020405b4"
     "010303080402080a93f4e9e800017ed01d10543dd6ada7bc4cdd536d1769db5f",
     "4bc7571a486f3264bbd888474066b4b1"},
    {"5.1", WEFT_TCP_AO_AES128, false, TCP_AO_SEND_OTHER, 0x787a1ddf, 0xfadd6de9,
     "45e00087fb4f4000ff06a0f00a0b0c0dac1b1c1dc4fa00b3787a1de0fadd6deac0180104950500000101080a"
     "00017ed093f4e9e81d103d5477412742fa4dc433eff0973effffffffffffffffffffffffffffffff00430104"
     "dabf00b40a0b0c0d260206010400010001020280000202020002024200020641040000dabf02084006006400"
     "010100",
     "8c8ae0e8371ec5cbb97ea79d90418391"},
    {"5.1", WEFT_TCP_AO_AES128, false, TCP_AO_RECEIVE_OTHER, 0x787a1ddf, 0xfadd6de9,
     "45e00087b9144000ff06e32bac1b1c1d0a0b0c0d00b3c4fafadd6dea787a1e23c0180100e7db00000101080a"
     "93f4e9e800017ed01d10543df6d965a78382a74845f72dacffffffffffffffffffffffffffffffff00430104"
     "dac000b4ac1b1c1d260206010400010001020280000202020002024200020641040000dac002084006006400"
     "010100",
     "4bc7571a486f3264bbd888474066b4b1"},
    {"5.2", WEFT_TCP_AO_AES128, true, TCP_AO_SEND_SYN, 0x389bed71, 0xd3844a6f,
     "45e0004cf22e4000ff06aa4c0a0b0c0dac1b1c1dda1c00b3389bed7100000000e002ffff70bf0000020405b4"
     "010303080402080a000185e1000000001d103d54c44e60cb31f7c0b1de3d2749",
     "2cdbae1392c49449fa92c4509735d50e"},
    {"5.2", WEFT_TCP_AO_AES128, true, TCP_AO_RECEIVE_OTHER, 0x389bed71, 0xd3844a6f,
     "45e0004c6cc04000ff062fbbac1b1c1d0a0b0c0d00b3da1cd3844a6f389bed72e012ffffe4450000020405b4"
     "010303080402080ace459838000185e11d10543d3a6abb207e49b1be7136db90",
     "3ce67a551869506b6347b633c50a624a"},
    {"5.2", WEFT_TCP_AO_AES128, true, TCP_AO_SEND_OTHER, 0x389bed71, 0xd3844a6f,
     "45e00087ee914000ff06adae0a0b0c0dac1b1c1dda1c00b3389bed72d3844a70c0180104885100000101080a"
     "000185e1ce4598381d103d547585e9e9d5c3ec857b96f837ffffffffffffffffffffffffffffffff00430104"
     "dabf00b40a0b0c0d260206010400010001020280000202020002024200020641040000dabf02084006006400"
     "010100",
     "035bc400a341ffe595f59f58005006ca"},
    {"5.2", WEFT_TCP_AO_AES128, true, TCP_AO_RECEIVE_OTHER, 0x389bed71, 0xd3844a6f,
     "45e000876a214000ff06321fac1b1c1d0a0b0c0d00b3da1cd3844a70389bed72c0180100044900000101080a"
     "ce459838000185e11d10543d5c040fd9233304765c0982f4ffffffffffffffffffffffffffffffff00430104"
     "dac000b4ac1b1c1d260206010400010001020280000202020002024200020641040000dac002084006006400"
     "010100",
     "3ce67a551869506b6347b633c50a624a"},
    {"6.1", WEFT_TCP_AO_SHA1, false, TCP_AO_SEND_SYN, 0x176a833f, 0x3f51994b,
     "6e0891dc00380640fd000000000000000000000000000001fd000000000000000000000000000002f7e400b3"
     "176a833f00000000e002ffff47210000020405a0010303080402080a0041d087000000001d103d549033ec3d"
     "7334b64c5edd039f",
     "625ec09d575836edc9b6428418bbf06989a361bb"},
    {"6.1", WEFT_TCP_AO_SHA1, false, TCP_AO_RECEIVE_OTHER, 0x176a833f, 0x3f51994b,
     "6e01009e00380640fd000000000000000000000000000002fd00000000000000000000000000000100b3f7e4"
     "3f51994b176a8340e012ffffbfec0000020405a0010303080402080abd33129b0041d0871d10543df1cba346"
     "c3526163f71f1f55",
     "e4a37ada2a0afca8711434913fe138c771ebcb4a"},
    {"6.1", WEFT_TCP_AO_SHA1, false, TCP_AO_SEND_OTHER, 0x176a833f, 0x3f51994b,
     "6e0891dc00730640fd000000000000000000000000000001fd000000000000000000000000000002f7e400b3"
     "176a83403f51994cc0180100329c00000101080a0041d091bd33129b1d103d54bf0805feb4ac7b163d6fcdf2"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017926020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "1ed82975f4ea444c61580c5bd90dbd61bbc91b7e"},
    {"6.1", WEFT_TCP_AO_SHA1, false, TCP_AO_RECEIVE_OTHER, 0x176a833f, 0x3f51994b,
     "6e01009e00730640fd000000000000000000000000000002fd00000000000000000000000000000100b3f7e4"
     "3f51994c176a8383c0180100ee6e00000101080abd3312a50041d0911d10543d6c48125c11335bab9a07a797"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017a26020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "e4a37ada2a0afca8711434913fe138c771ebcb4a"},
    {"6.2", WEFT_TCP_AO_SHA1, true, TCP_AO_SEND_SYN, 0x020c1e69, 0xeba3734d,
     "6e078fcd00380640fd000000000000000000000000000001fd000000000000000000000000000002c6cd00b3"
     "020c1e6900000000e002ffffa41a0000020405a0010303080402080a009db95b000000001d103d54885698b0"
     "530ed4d5a15f8346",
     "31a3faf69effae52931b7f845467315c270a4edc"},
    {"6.2", WEFT_TCP_AO_SHA1, true, TCP_AO_RECEIVE_OTHER, 0x020c1e69, 0xeba3734d,
     "6e0a7e1f00380640fd000000000000000000000000000002fd00000000000000000000000000000100b3c6cd"
     "eba3734d020c1e6ae012ffff774d0000020405a0010303080402080a5ec99b70009db95b1d10543d3c546bad"
     "9743f12df8b8010d",
     "405108947f996575e7bdbc26d40216a2c7fa91bd"},
    {"6.2", WEFT_TCP_AO_SHA1, true, TCP_AO_SEND_OTHER, 0x020c1e69, 0xeba3734d,
     "6e078fcd00730640fd000000000000000000000000000001fd000000000000000000000000000002c6cd00b3"
     "020c1e6aeba3734ec018010083e600000101080a009db9655ec99b701d103d5448bd093b1924e001192f5bf0"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017926020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "b34eed6a9396a669f1c4f4f57618f3656f52c7ab"},
    {"6.2", WEFT_TCP_AO_SHA1, true, TCP_AO_RECEIVE_OTHER, 0x020c1e69, 0xeba3734d,
     "6e0a7e1f00730640fd000000000000000000000000000002fd00000000000000000000000000000100b3c6cd"
     "eba3734e020c1eadc0180100716a00000101080a5ec99b7a009db9651d10543d559a819445b4fde98d9e1317"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017a26020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "405108947f996575e7bdbc26d40216a2c7fa91bd"},
    {"7.1", WEFT_TCP_AO_AES128, false, TCP_AO_SEND_SYN, 0x193cccec, 0xa6744ecb,
     "6e04a70600380640fd000000000000000000000000000001fd000000000000000000000000000002f85a00b3"
     "193cccec00000000e002ffffde5d0000020405a0010303080402080a13e4ab99000000001d103d5459b58810"
     "7481ac6dc3927040",
     "fa5a2108882d39d0c71929175ab1b7b8"},
    {"7.1", WEFT_TCP_AO_AES128, false, TCP_AO_RECEIVE_OTHER, 0x193cccec, 0xa6744ecb,
     "6e06152000380640fd000000000000000000000000000002fd00000000000000000000000000000100b3f85a"
     "a6744ecb193cccede012ffffeabb0000020405a0010303080402080a71daabc813e4ab991d10543ddc2843a8"
     "4e78a6bcfdc5ed80",
     "cf1b1e225e06a63616764a067b46f4b1"},
    {"7.1", WEFT_TCP_AO_AES128, false, TCP_AO_SEND_OTHER, 0x193cccec, 0xa6744ecb,
     "6e04a70600730640fd000000000000000000000000000001fd000000000000000000000000000002f85a00b3"
     "193ccceda6744eccc0180100328000000101080a13e4aba371daabc81d103d547b6a455c0d4f5f01835baab3"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017926020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "6174c3557abed27574dba37185f00300"},
    {"7.1", WEFT_TCP_AO_AES128, false, TCP_AO_RECEIVE_OTHER, 0x193cccec, 0xa6744ecb,
     "6e06152000730640fd000000000000000000000000000002fd00000000000000000000000000000100b3f85a"
     "a6744ecc193ccd30c018010052f400000101080a71daabd313e4aba31d10543dc1069b7dfd3d693a6df3f289"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017a26020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "cf1b1e225e06a63616764a067b46f4b1"},
    {"7.2", WEFT_TCP_AO_AES128, true, TCP_AO_SEND_SYN, 0xb01da74a, 0xa6246145,
     "6e093d7600380640fd000000000000000000000000000001fd000000000000000000000000000002f28800b3"
     "b01da74a00000000e002ffff75ff0000020405a0010303080402080a14275b3b000000001d103d543d45b434"
     "2de8bb1530847898",
     "a94f511263e4093d35dd818c13bbbf53"},
    {"7.2", WEFT_TCP_AO_AES128, true, TCP_AO_RECEIVE_OTHER, 0xb01da74a, 0xa6246145,
     "6e0c600a00380640fd000000000000000000000000000002fd00000000000000000000000000000100b3f288"
     "a6246145b01da74be012ffffa70c0000020405a0010303080402080a1782245b14275b3b1d10543d1d01f6c8"
     "7c6f93acffa9d4b5",
     "92dea5bbc78b1d9f5b2952e9cd30642a"},
    {"7.2", WEFT_TCP_AO_AES128, true, TCP_AO_SEND_OTHER, 0xb01da74a, 0xa6246145,
     "6e093d7600730640fd000000000000000000000000000001fd000000000000000000000000000002f28800b3"
     "b01da74ba6246146c0180100c36d00000101080a14275b4f1782245b1d103d54290cf414ccb47a333276e7f8"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017926020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "4fb2086e402c679079ed65d4bf97693d"},
    {"7.2", WEFT_TCP_AO_AES128, true, TCP_AO_RECEIVE_OTHER, 0xb01da74a, 0xa6246145,
     "6e0c600a00730640fd000000000000000000000000000002fd00000000000000000000000000000100b3f288"
     "a6246146b01da78ec0180100345100000101080a1782246514275b4f1d10543d99515ffcd5403499f619fd1b"
     "ffffffffffffffffffffffffffffffff00430104fde800b40101017a26020601040001000102028000020202"
     "0002024200020641040000fde802084006006400010100",
     "92dea5bbc78b1d9f5b2952e9cd30642a"},
};

static size_t from_hex(const char *text, uint8_t *bytes, size_t max)
{
    size_t n = strlen(text) / 2;

    assert_true(n <= max);
    for (size_t i = 0; i < n; i++) {
        char octet[3] = {text[2 * i], text[2 * i + 1], 0};

        bytes[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    return n;
}

/* The packet's addresses; returns the length of its IP header. */
static size_t addresses(const uint8_t *packet, struct weft_addr *src, struct weft_addr *dst)
{
    if (packet[0] >> 4 == 6) {
        memcpy(src->b, packet + 8, 16);
        memcpy(dst->b, packet + 24, 16);
        return 40;
    }
    *src = weft_ip4(packet[12], packet[13], packet[14], packet[15]);
    *dst = weft_ip4(packet[16], packet[17], packet[18], packet[19]);
    return 20;
}

static void check_vector(struct tcp *tcp, size_t i)
{
    struct tcp_ao_key key = {.algorithm = (uint8_t)vectors[i].algorithm,
                             .exclude_options = vectors[i].exclude_options,
                             .len = sizeof(MASTER_KEY) - 1,
                             .secret = MASTER_KEY};
    uint8_t packet[200], want[TCP_AO_TRAFFIC_MAX], traffic[TCP_AO_TRAFFIC_MAX], mac[TCP_AO_MAC_LEN];
    size_t len = from_hex(vectors[i].packet, packet, sizeof(packet));
    size_t key_len = from_hex(vectors[i].traffic, want, sizeof(want));
    bool is_sent = vectors[i].direction != TCP_AO_RECEIVE_OTHER;
    bool is_syn = vectors[i].direction == TCP_AO_SEND_SYN;
    struct tcp_ao_context context = {
        .src_isn = seq_of(is_sent ? vectors[i].client_isn : vectors[i].server_isn),
        .dst_isn = seq_of(is_syn    ? 0
                          : is_sent ? vectors[i].server_isn
                                    : vectors[i].client_isn),
    };
    size_t skip = addresses(packet, &context.src, &context.dst);
    struct weft_pkt pkt = {
        .data = packet + skip, .len = (uint16_t)(len - skip), .total_len = (uint32_t)(len - skip)};
    struct cursor c = cursor_of(pkt.data, pkt.len);
    struct wire_tcp_opts opts;
    struct wire_tcp header;

    assert_true(wire_tcp_parse(&c, &header));
    assert_true(wire_tcp_opts_parse(header.options, header.header_len - 20u, &opts));
    assert_true(opts.has_ao && opts.ao_len == TCP_AO_CONTENT);
    assert_int_equal(opts.ao[0], is_sent ? CLIENT_ID : SERVER_ID);
    assert_int_equal(opts.ao[1], is_sent ? SERVER_ID : CLIENT_ID);
    context.src_port = header.src_port;
    context.dst_port = header.dst_port;
    tcp_ao_derive(tcp, &key, &context, traffic);
    assert_memory_equal(traffic, want, key_len);
    tcp_ao_mac(tcp, &key, traffic, 0, &context.src, &context.dst, &pkt, header.header_len, opts.ao, mac);
    assert_memory_equal(mac, opts.ao + 2, TCP_AO_MAC_LEN);

    /* Every octet counts but those of the checksum, the MAC and, if they are not covered, other options. */
    for (size_t at = 0; at < pkt.len; at++) {
        size_t ao = (size_t)(opts.ao - 2 - pkt.data);
        bool is_option = at >= 20 && at < header.header_len;
        bool is_mac = at >= ao + 4 && at < ao + 16;
        bool is_of_ao = at >= ao && at < ao + 4;
        bool counts = at != 16 && at != 17 && !is_mac && (!is_option || is_of_ao || !key.exclude_options);
        uint8_t other[TCP_AO_MAC_LEN];

        pkt.data[at] ^= 0x10;
        tcp_ao_mac(tcp, &key, traffic, 0, &context.src, &context.dst, &pkt, header.header_len, opts.ao,
                   other);
        assert_int_equal(memcmp(mac, other, sizeof(mac)) != 0, counts);
        pkt.data[at] ^= 0x10;
    }
}

static void all_of_rfc9235(void **state)
{
    struct tcp tcp = {.config = {.crypto = weft_host_tcp_crypto()}};

    (void)state;
    assert_int_equal(sizeof(vectors) / sizeof(vectors[0]), 32);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        print_message("RFC 9235 %s\n", vectors[i].section);
        check_vector(&tcp, i);
    }
}

/* A master key of 16 octets is AES's key as it is (RFC 5926 3.1.1.2); NIST's example of CMAC, SP 800-38B D.1, says what
 * CMAC is under it. */
static void cmac_is_nists(void **state)
{
    static const struct {
        const char *message, *mac;
    } examples[] = {
        {"", "bb1d6929e95937287fa37d129b756746"},
        {"6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"},
        {"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
         "dfa66747de9ae63030ca32611497c827"},
    };
    uint8_t key[16], message[64], want[16], mac[16];

    (void)state;
    from_hex("2b7e151628aed2a6abf7158809cf4f3c", key, sizeof(key));
    for (size_t i = 0; i < 3; i++) {
        size_t len = from_hex(examples[i].message, message, sizeof(message));
        struct weft_crypto_piece pieces[2] = {{message, len / 3}, {message + len / 3, len - len / 3}};

        from_hex(examples[i].mac, want, sizeof(want));
        weft_host_tcp_crypto()->aes128_cmac(key, pieces, 2, mac);
        assert_memory_equal(mac, want, 16);
    }
}

/* A master key of 16 octets goes in as it is, one of 17 through CMAC first: the two differ though one begins like the
 * other; and so do the keys of one master key under each algorithm. */
static void long_and_short_master_keys(void **state)
{
    struct tcp tcp = {.config = {.crypto = weft_host_tcp_crypto()}};
    struct tcp_ao_key key = {.algorithm = WEFT_TCP_AO_AES128, .secret = "0123456789abcdefg", .len = 16};
    struct tcp_ao_context context = {.src = weft_ip4(10, 0, 0, 1), .dst = weft_ip4(10, 0, 0, 2)};
    uint8_t a[TCP_AO_TRAFFIC_MAX], b[TCP_AO_TRAFFIC_MAX], want[16], input[1 + 6 + 20 + 2] = {1};
    struct weft_crypto_piece piece = {input, sizeof(input)};

    (void)state;
    memcpy(input + 1, "TCP-AO", 6);
    memcpy(input + 7, "\x0a\0\0\1\x0a\0\0\2", 8);
    input[sizeof(input) - 1] = 128;
    tcp_ao_derive(&tcp, &key, &context, a);
    weft_host_tcp_crypto()->aes128_cmac((const uint8_t *)"0123456789abcdef", &piece, 1, want);
    assert_memory_equal(a, want, 16);
    key.len = 17;
    tcp_ao_derive(&tcp, &key, &context, b);
    assert_memory_not_equal(a, b, 16);
}

/* --- SNE (RFC 5925 6.2) against a count of all 64 bits ---------------------------------------------------- */

static void sne_over_wraps(void **state)
{
    struct tcp_ao_seq at = {0, seq_of(0xfffffff0u)};
    uint64_t true_number = 0xfffffff0u, random = 1;

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        int64_t away;

        random = random * 6364136223846793005u + 1442695040888963407u;
        away = (int64_t)(random >> 32) - 0x80000000; /* -2^31 to 2^31 - 1 */
        if ((int64_t)true_number + away >= 0)
            assert_int_equal(tcp_ao_sne(at, seq_of((uint32_t)(true_number + (uint64_t)away))),
                             (uint32_t)((true_number + (uint64_t)away) >> 32));
        true_number += random >> 33;
        tcp_ao_advance(&at, seq_of((uint32_t)true_number));
        assert_int_equal(at.sne, (uint32_t)(true_number >> 32));
        assert_int_equal(at.seq.n, (uint32_t)true_number);
    }
    assert_true(true_number >> 32 > 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_rfc9235),
        cmocka_unit_test(cmac_is_nists),
        cmocka_unit_test(long_and_short_master_keys),
        cmocka_unit_test(sne_over_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
