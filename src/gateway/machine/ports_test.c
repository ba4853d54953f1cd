/* Ports that are free, and the sentence for one that is not. */
#include "base/testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "gateway/machine/ports.h"

/* A listener on any port of all addresses; its descriptor. */
static int listen_anywhere(uint16_t *ret_port) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void a_port_that_is_taken_is_named(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    uint16_t taken, free_one;
    char sentence[200];
    int fd = listen_anywhere(&taken);
    assert_int_equal(sph_ports_pick(&free_one, &err), 0);
    assert_int_not_equal(free_one, taken);
    const struct sph_machine_config config = {.forward_count = 2,
                                              .forwards = {{.host = free_one}, {.host = taken}}};
    assert_int_equal(sph_ports_check(&config, &err), -EADDRINUSE);
    (void)snprintf(sentence, sizeof(sentence),
                   "port %u of this computer is taken: end the program that listens on it, or "
                   "change forwards in device.json",
                   taken);
    assert_err(&err, -EADDRINUSE, sentence);
    (void)close(fd);
    err = (struct sph_err)SPH_ERR_NULL;
    assert_int_equal(sph_ports_check(&config, &err), 0);
    assert_int_equal(err.code, 0);
}

/* Ports below 1024 are root's. */
static void a_port_that_is_not_ours(void **state) {
    (void)state;
    struct sph_err err = SPH_ERR_NULL;
    const struct sph_machine_config config = {.forward_count = 1, .forwards = {{.host = 1}}};
    if (geteuid() == 0 && seteuid(65534) < 0)
        skip();
    int rc = sph_ports_check(&config, &err);
    (void)!seteuid(getuid());
    if (rc == 0)
        skip(); /* net.ipv4.ip_unprivileged_port_start lets everybody */
    assert_err(&err, -EACCES,
               "port 1 of this computer cannot be used (change forwards in device.json): "
               "Permission denied");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_is_taken_is_named),
        cmocka_unit_test(a_port_that_is_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
