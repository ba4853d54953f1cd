/* Addresses as people write them, and which of them no other machine reaches. */
#include "base/testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "gateway/access/address.h"

static void parse(const char *text, struct sph_address *ret_address) {
    struct sph_err err = SPH_ERR_NULL;
    if (sph_address_parse(text, ret_address, &err) < 0)
        fail_msg("%s: %s", text, err.text);
}

static void right_ones_come_out_as_the_system_writes_them(void **state) {
    (void)state;
    static const struct {
        const char *text, *formatted, *host;
        unsigned port;
    } rows[] = {
        {"127.0.0.1:8443", "127.0.0.1:8443", "127.0.0.1", 8443},
        {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0},
        {"255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255", 65535},
        {"[::1]:443", "[::1]:443", "::1", 443},
        {"[0:0:0:0:0:0:0:1]:443", "[::1]:443", "::1", 443},
        {"[FE80::ABCD]:1", "[fe80::abcd]:1", "fe80::abcd", 1},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_address address;
        char text[SPH_ADDRESS_TEXT];
        parse(rows[i].text, &address);
        assert_string_equal(sph_address_format(&address, text), rows[i].formatted);
        assert_string_equal(sph_address_host(&address, text), rows[i].host);
        bool is_v6 = rows[i].text[0] == '[';
        assert_int_equal(ntohs(is_v6 ? address.socket.v6.sin6_port : address.socket.v4.sin_port),
                         rows[i].port);
        assert_int_equal(sph_address_size(&address),
                         is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    }
}

static void wrong_ones_are_refused_with_an_example(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        ":",
        "8443",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        ":8443",
        "127.1:8443",
        "localhost:1",
        "127.0.0.1:-1",
        "127.0.0.1: 1",
        "[::1]",
        "[::1]8443",
        "::1:8443",
        "[127.0.0.1]:1",
        "[]:1",
        "[:1",
        "]:1",
        "[::1]:",
        "[fe80::1%lo]:1",
        "1.2.3.4.5:1",
        "127.0.0.1:1\n",
        "[::1:1",
        "[",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_err err = SPH_ERR_NULL;
        struct sph_address address;
        if (sph_address_parse(rows[i], &address, &err) != -EINVAL)
            fail_msg("'%s' was taken", rows[i]);
        assert_non_null(strstr(err.text, " is no address to listen on; write an IP address and a "
                                         "port, such as 127.0.0.1:8443 or [::1]:8443"));
    }
}

static void kinds_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_any, is_loopback, is_link_local;
    } rows[] = {
        {"127.0.0.1:1", false, true, false},
        {"127.255.255.255:1", false, true, false},
        {"128.0.0.1:1", false, false, false},
        {"126.255.255.255:1", false, false, false},
        {"[::1]:1", false, true, false},
        {"[::2]:1", false, false, false},
        {"[::ffff:127.0.0.1]:1", false, false, false},
        {"0.0.0.0:1", true, false, false},
        {"[::]:1", true, false, false},
        {"169.254.3.4:1", false, false, true},
        {"169.253.3.4:1", false, false, false},
        {"[fe80::1]:1", false, false, true},
        {"192.0.2.1:1", false, false, false},
    };
    for (size_t i = 0; i < SPH_ARRAY_SIZE(rows); i++) {
        struct sph_address address;
        parse(rows[i].text, &address);
        assert_int_equal(sph_address_is_any(&address), rows[i].is_any);
        assert_int_equal(sph_address_is_loopback(&address), rows[i].is_loopback);
        assert_int_equal(sph_address_is_link_local(&address), rows[i].is_link_local);
        /* No interface has the others: they are of the ranges for documents, or not to be had. */
        assert_int_equal(sph_address_is_on_loopback(&address), rows[i].is_loopback);
    }
}

static void of_the_systems_addresses_two_families_are_taken(void **state) {
    (void)state;
    struct sph_address address, wanted;
    struct sockaddr other = {.sa_family = AF_UNIX};
    parse("[2001:db8::1]:5", &wanted);
    assert_false(sph_address_from(NULL, &address));
    assert_false(sph_address_from(&other, &address));
    assert_true(sph_address_from(&wanted.socket.any, &address));
    assert_memory_equal(&address, &wanted, sizeof(wanted));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_ones_come_out_as_the_system_writes_them),
        cmocka_unit_test(wrong_ones_are_refused_with_an_example),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(of_the_systems_addresses_two_families_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
