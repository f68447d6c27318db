/* SPDX-License-Identifier: MIT */
/*
 * How TCP-AO derives a connection's traffic keys, and what a segment's MAC is
 * made of (RFC 5925 5.1 and 5.2, RFC 5926 3).
 *
 * Never   computes anything itself: the configuration brings the functions.
 */
#include <string.h>

#include "tcp/ao.h"
#include "tcp/signing.h"
#include "tcp/tcb.h"

#define AES128_LEN 16u

bool tcp_ao_has_crypto(const struct tcp *tcp, enum weft_tcp_ao_algorithm algorithm)
{
    const struct weft_tcp_crypto *crypto = tcp->config.crypto;

    return crypto &&
           (algorithm == WEFT_TCP_AO_AES128 ? crypto->aes128_cmac != NULL : crypto->hmac_sha1 != NULL);
}

/* What there is now may be in use. */
bool tcp_ao_can_go_on_with(const struct tcp *tcp, const struct weft_tcp_crypto *crypto)
{
    const struct weft_tcp_crypto *old = tcp->config.crypto;

    if (tcp->ao_keys.used == 0)
        return true;
    return crypto && (crypto->hmac_sha1 || !old->hmac_sha1) && (crypto->aes128_cmac || !old->aes128_cmac);
}

/* --- Traffic keys -------------------------------------------------------------------------------- */

#define LABEL       "TCP-AO"
#define CONTEXT_MAX (16 + 16 + 2 + 2 + 4 + 4)
#define INPUT_MAX   (1 + sizeof(LABEL) - 1 + CONTEXT_MAX + 2)

/* RFC 5926 3.1.1: ( i || Label || Context || Output_Length ); one round gives all that is needed. */
static size_t write_input(const struct tcp_ao_context *context, unsigned output_bits,
                          uint8_t bytes[INPUT_MAX])
{
    unsigned skip = weft_addr_is_ip4(&context->src) ? 12 : 0;
    struct writer w = writer_of(bytes, INPUT_MAX);

    writer_u8(&w, 1);
    writer_bytes(&w, LABEL, sizeof(LABEL) - 1);
    writer_bytes(&w, context->src.b + skip, 16 - skip);
    writer_bytes(&w, context->dst.b + skip, 16 - skip);
    writer_be16(&w, context->src_port);
    writer_be16(&w, context->dst_port);
    writer_be32(&w, context->src_isn.n);
    writer_be32(&w, context->dst_isn.n);
    writer_be16(&w, (uint16_t)output_bits);
    return (size_t)(w.at - bytes);
}

/* RFC 5926 3.1.1.2. */
static void derive_aes128(const struct weft_tcp_crypto *crypto, const struct tcp_ao_key *key,
                          const struct weft_crypto_piece *input, uint8_t traffic[AES128_LEN])
{
    static const uint8_t zeros[AES128_LEN];
    struct weft_crypto_piece secret = {key->secret, key->len};
    uint8_t k[AES128_LEN];

    if (key->len == AES128_LEN)
        memcpy(k, key->secret, AES128_LEN);
    else
        crypto->aes128_cmac(zeros, &secret, 1, k);
    crypto->aes128_cmac(k, input, 1, traffic);
}

void tcp_ao_derive(const struct tcp *tcp, const struct tcp_ao_key *key, const struct tcp_ao_context *context,
                   uint8_t traffic[TCP_AO_TRAFFIC_MAX])
{
    const struct weft_tcp_crypto *crypto = tcp->config.crypto;
    bool is_aes = key->algorithm == WEFT_TCP_AO_AES128;
    uint8_t bytes[INPUT_MAX];
    struct weft_crypto_piece input = {bytes, write_input(context, is_aes ? 128 : 160, bytes)};

    if (is_aes)
        derive_aes128(crypto, key, &input, traffic);
    else
        crypto->hmac_sha1(key->secret, key->len, &input, 1, traffic);
}

/* --- MACs ------------------------------------------------------------------------------------------- */

#define OPTIONS_MAX (WIRE_TCP_MAX_LEN - WIRE_TCP_LEN)

/* RFC 5925 5.1, in its order. */
void tcp_ao_mac(const struct tcp *tcp, const struct tcp_ao_key *key, const uint8_t *traffic, uint32_t sne,
                const struct weft_addr *src, const struct weft_addr *dst, const struct weft_pkt *pkt,
                unsigned header_len, const uint8_t *content, uint8_t mac[TCP_AO_MAC_LEN])
{
    const struct weft_tcp_crypto *crypto = tcp->config.crypto;
    size_t before = (size_t)(content - 2 - (pkt->data + WIRE_TCP_LEN)), rest = header_len - WIRE_TCP_LEN;
    uint8_t number[4], pseudo[TCP_SIGN_PSEUDO], header[WIRE_TCP_LEN], options[OPTIONS_MAX], whole[20];
    struct tcp_sign_message message = {0};

    put_be32(number, sne);
    memcpy(header, pkt->data, WIRE_TCP_LEN);
    put_be16(header + WIRE_TCP_CHECKSUM_OFFSET, 0);
    memcpy(options, pkt->data + WIRE_TCP_LEN, rest);
    memset(options + before + 4, 0, TCP_AO_MAC_LEN);
    tcp_sign_add(&message, number, sizeof(number));
    tcp_sign_add_pseudo(&message, src, dst, pkt->total_len, pseudo);
    tcp_sign_add(&message, header, WIRE_TCP_LEN);
    if (key->exclude_options)
        tcp_sign_add(&message, options + before, TCP_AO_OPTION);
    else
        tcp_sign_add(&message, options, rest);
    tcp_sign_add_text(&message, pkt, header_len);
    if (key->algorithm == WEFT_TCP_AO_AES128)
        crypto->aes128_cmac(traffic, message.piece, message.n, whole);
    else
        crypto->hmac_sha1(traffic, 20, message.piece, message.n, whole);
    memcpy(mac, whole, TCP_AO_MAC_LEN);
}
