/* SPDX-License-Identifier: MIT */
/*
 * The functions of cryptography that the core takes from outside, over Nettle.
 *
 * Never   keeps a key.
 */
#include <weft/loop.h>

#include <nettle/cmac.h>
#include <nettle/hmac.h>
#include <nettle/md5.h>

static void md5(const struct weft_crypto_piece *pieces, unsigned n, uint8_t digest[16])
{
    struct md5_ctx ctx;

    md5_init(&ctx);
    for (unsigned i = 0; i < n; i++)
        md5_update(&ctx, pieces[i].len, pieces[i].data);
    md5_digest(&ctx, MD5_DIGEST_SIZE, digest);
}

static void hmac_sha1(const void *key, size_t key_len, const struct weft_crypto_piece *pieces, unsigned n,
                      uint8_t mac[20])
{
    struct hmac_sha1_ctx ctx;

    hmac_sha1_set_key(&ctx, key_len, key);
    for (unsigned i = 0; i < n; i++)
        hmac_sha1_update(&ctx, pieces[i].len, pieces[i].data);
    hmac_sha1_digest(&ctx, SHA1_DIGEST_SIZE, mac);
}

static void aes128_cmac(const uint8_t key[16], const struct weft_crypto_piece *pieces, unsigned n,
                        uint8_t mac[16])
{
    struct cmac_aes128_ctx ctx;

    cmac_aes128_set_key(&ctx, key);
    for (unsigned i = 0; i < n; i++)
        cmac_aes128_update(&ctx, pieces[i].len, pieces[i].data);
    cmac_aes128_digest(&ctx, CMAC128_DIGEST_SIZE, mac);
}

const struct weft_tcp_crypto *weft_host_tcp_crypto(void)
{
    static const struct weft_tcp_crypto crypto = {
        .md5 = md5,
        .hmac_sha1 = hmac_sha1,
        .aes128_cmac = aes128_cmac,
    };

    return &crypto;
}
