/* Every name that is not implemented answers as the table says; and some of them as an application
 * declares them, with arguments in each kind of register and on the stack. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

#define DECLARE_WORKS(name)
#define DECLARE_INT(name) long name(void);
#define DECLARE_POINTER(name) void *name(void);
#define DECLARE_VOID(name) void name(void);
#define SPH_API_NAME(name, kind, header) DECLARE_##kind(name)
#include "api.def"
#undef SPH_API_NAME

typedef long int_stub(void);
typedef void *pointer_stub(void);
typedef void void_stub(void);

#define ROW_WORKS(name, header)
#define ROW_INT(name, header) {.text = #name, .of_int = name},
#define ROW_POINTER(name, header) {.text = #name, .of_pointer = name},
#define ROW_VOID(name, header) {.text = #name, .of_void = name},
#define SPH_API_NAME(name, kind, header) ROW_##kind(name, header)

static const struct {
    const char *text;
    int_stub *of_int;
    pointer_stub *of_pointer;
    void_stub *of_void;
} stubs[] = {
#include "api.def"
};

static bool answers(size_t i) {
    errno = EPROTO;
    if (stubs[i].of_int != NULL)
        return stubs[i].of_int() == -1 && errno == ENOSYS;
    if (stubs[i].of_pointer != NULL)
        return stubs[i].of_pointer() == NULL && errno == ENOSYS;
    stubs[i].of_void();
    return errno == EPROTO;
}

static void test_each(void) {
    size_t of_int = 0, of_pointer = 0, of_void = 0;
    for (size_t i = 0; i < sizeof(stubs) / sizeof(stubs[0]); i++) {
        bool is_answered = answers(i);
        if (!is_answered)
            printf("%s\n", stubs[i].text);
        CHECK(is_answered);
        of_int += stubs[i].of_int != NULL;
        of_pointer += stubs[i].of_pointer != NULL;
        of_void += stubs[i].of_void != NULL;
    }
    printf("%zu answer -1, %zu NULL, %zu nothing\n", of_int, of_pointer, of_void);
    CHECK(of_int > 0 && of_pointer > 0 && of_void > 0);
}

/* Names of this file's own for the documented prototypes, which would clash with the ones above. */
#define AS(name) __asm__(#name)
int open_i2c(int id) AS(I2CMaster_Open);
ssize_t write_then_read(int fd, uint32_t address, const uint8_t *data, size_t length,
                        uint8_t *read_data, size_t read_length) AS(I2CMaster_WriteThenRead);
int set_voltage(int fd, uint32_t channel, float volts) AS(ADC_SetReferenceVoltage);
void static_ip(void *config, struct in_addr address, struct in_addr mask, struct in_addr gateway)
    AS(Networking_IpConfig_EnableStaticIp);
const char *proxy_address(const void *config) AS(Networking_Proxy_GetProxyAddress);
ssize_t stored_count(void) AS(WifiConfig_GetStoredNetworkCount);

static void test_documented_prototypes(void) {
    uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint64_t config[5] = {7, 7, 7, 7, 7};
    struct in_addr address = {0x0100007f};
    CHECK_FAILS(open_i2c(2), -1, ENOSYS);
    CHECK_FAILS(write_then_read(3, 0x3c, bytes, 4, bytes + 4, 4), -1, ENOSYS);
    CHECK_FAILS(set_voltage(3, 0, 2.5f), -1, ENOSYS);
    CHECK_FAILS(proxy_address(config), NULL, ENOSYS);
    CHECK_FAILS(stored_count(), -1, ENOSYS);
    static_ip(config, address, address, address);
    for (size_t i = 0; i < 5; i++)
        CHECK(config[i] == 7);
    for (size_t i = 0; i < sizeof(bytes); i++)
        CHECK(bytes[i] == i + 1);
}

int main(void) {
    test_each();
    test_documented_prototypes();
    return check_done();
}
