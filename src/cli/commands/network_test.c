/* The simulated network of a device in the original's words: interfaces, proxy, Wi-Fi and
 * certificates; what is asked, what is printed, how refusals end. */
#include "cli/device/fake_gateway_test.h"

#define SERVICE                                                                                    \
    "{\"interfaceName\":\"azspheresvc\",\"interfaceUp\":true,\"connectedToNetwork\":false,"        \
    "\"ipAcquired\":false,\"connectedToInternet\":false,\"ipAddresses\":[\"192.168.35.2\"]}"
#define ETHERNET                                                                                   \
    "{\"interfaceName\":\"eth0\",\"interfaceUp\":false,\"connectedToNetwork\":false,"              \
    "\"ipAcquired\":false,\"connectedToInternet\":false,\"ipAddresses\":[],"                       \
    "\"hardwareAddress\":\"02:53:50:48:00:20\"}"

static const struct fake_route net[] = {
    {.request = "GET /net/interfaces", .body = "{\"interfaces\":[" SERVICE "," ETHERNET "]}"},
    {.request = "PATCH /net/interfaces/eth0", .body = "{}"},
    {.request = "PATCH /net/interfaces/azspheresvc", .status = 400, .body = "{\"error\":31457295}"},
    {.request = "PATCH /net/interfaces/a%2Fb", .status = 404, .body = "{\"error\":31457294}"},
    {.request = "GET /net/status",
     .body = "{\"deviceAuthenticationIsReady\":false,\"networkTimeSync\":\"complete\",\"proxy\":"
             "\"disabled\"}"},
    {.request = "GET /net/firewall/rulesets",
     .body = "{\"rulesets\":[{\"hook\":\"input\",\"isValid\":true,\"rules\":[{\"sourceIP\":"
             "\"0.0.0.0\",\"destinationIP\":\"0.0.0.0\",\"action\":\"accept\",\"interfaceInName\":"
             "\"\",\"interfaceOutName\":\"eth0\",\"state\":\"any\",\"protocol\":\"tcp\","
             "\"sourcePortRange\":{\"min\":0,\"max\":65535},\"destinationPortRange\":{\"min\":80,"
             "\"max\":80}}]},{\"hook\":\"output\",\"isValid\":true,\"rules\":[]}]}"},
    {.request = "GET /wifi/diagnostics/networks",
     .body = "{\"values\":[{\"id\":3,\"ssid\":\"x\",\"configState\":\"enabled\","
             "\"connectionState\":\"disconnected\",\"securityState\":\"psk\",\"error\":3,"
             "\"reason\":\"the passphrase is not that of the network\"}]}"},
    {.request = "GET /wifi/diagnostics/networks/3", .body = "{\"id\":3,\"error\":0}"},
    {.request = NULL},
};
static const struct fake_route nothing[] = {
    {.request = "GET /net/firewall/rulesets", .body = "{\"rulesets\":[]}"},
    {.request = "GET /certstore/certs", .body = "{\"identifiers\":[]}"},
    {.request = "GET /net/proxy", .body = "{\"enabled\":false,\"address\":\"\",\"port\":0}"},
    {.request = "", .body = "{\"values\":[]}"},
};
static const struct fake_route unknown[] = {
    {.request = "",
     .status = 404,
     .body = "{\"error\":15728642,\"message\":\"the device knows no such network\"}"}};
static const struct fake_route denied[] = {
    {.request = "", .status = 403, .body = "{\"error\":13}"}};

#define DENIED                                                                                     \
    "error: Permission denied; application development capability may be required ('azsphere "     \
    "device enable-development')\n"

static const struct talk networks[] = {
    {"device network list-interfaces", net, 0,
     "Interface name        : azspheresvc\nInterface up          : true\n"
     "Connected to network  : false\nIP acquired           : false\n"
     "Connected to Internet : false\nIP addresses          : 192.168.35.2\n\n"
     "Interface name        : eth0\nInterface up          : false\n"
     "Connected to network  : false\nIP acquired           : false\n"
     "Connected to Internet : false\nIP addresses          :\n"
     "Hardware address      : 02:53:50:48:00:20\n",
     ""},
    {"device network list-interfaces -o tsv", net, 0,
     "azspheresvc\ttrue\tfalse\tfalse\tfalse\t192.168.35.2\t\n"
     "eth0\tfalse\tfalse\tfalse\tfalse\t\t02:53:50:48:00:20\n",
     ""},
    {"device network list-interfaces", nothing, 1, "",
     "error: device 'd' answered without its interfaces\n"},
    {"device network enable -i eth0", net, 0, "", "Interface 'eth0' enabled.\n"},
    {"device network disable --interface eth0", net, 0, "", "Interface 'eth0' disabled.\n"},
    {"device network disable -i azspheresvc", net, 5, "",
     "error: This network interface may not be changed\n"},
    {"device network disable -i a/b", net, 6, "", "error: No such network interface\n"},
    {"device network disable -i %", net, 2, "", "error: option '--interface' needs a value\n"},
    {"device network update-interface -i eth0 -a 02:00:5e:00:53:01", net, 0, "",
     "Interface 'eth0' updated.\n"},
    {"device network show-status", net, 0,
     "Device authentication is ready : false\nNetwork time sync              : complete\n"
     "Proxy                          : disabled\n",
     ""},
    {"device network list-firewall-rules", net, 0,
     "Hook   Valid  Action  Protocol  State  Source   Source ports  Destination  Destination ports"
     "  In  Out\n"
     "input  true   accept  tcp       any    0.0.0.0  0-65535       0.0.0.0      80-80            "
     "      eth0\n",
     ""},
    {"device network list-firewall-rules", nothing, 0, "", "There is no firewall rule.\n"},
    {"device network show-diagnostics -o tsv", net, 0,
     "3\tx\tenabled\tdisconnected\tpsk\t3\tthe passphrase is not that of the network\n", ""},
    {"device network show-diagnostics -n 3", net, 0,
     "ID                  : 3\n"
     "Error               : 0\n",
     ""},
    {"device network show-diagnostics", nothing, 0, "", "No connection to a network failed.\n"},
    {"device network show-diagnostics -n 9", unknown, 6, "",
     "error: Invalid request URI. (the device knows no such network)\n"},
    /* a gateway that lacks the path at all: no id was asked for */
    {"device network show-status", unknown, 1, "",
     "error: Invalid request URI. (the device knows no such network)\n"},
    {"device network show-status", denied, 5, "", DENIED},
};

static void test_network(void **state) {
    check_talks(state, networks, SPH_ARRAY_SIZE(networks));
}

static const struct fake_route proxies[] = {
    {.request = "GET /net/proxy",
     .body = "{\"enabled\":true,\"address\":\"proxy.test\",\"port\":8080,\"authenticationType\":"
             "\"basic\",\"username\":\"me\",\"noProxyAddresses\":[\"a\",\"b\"]}"},
    {.request = "POST /net/proxy", .body = "{}"},
    {.request = "DELETE /net/proxy", .body = "{}"},
    {.request = NULL},
};

static const struct talk proxy_talks[] = {
    {"device network proxy show", proxies, 0,
     "Enabled            : true\nAddress            : proxy.test\nPort               : 8080\n"
     "Authentication     : basic\nUser name          : me\nNo proxy addresses : a, b\n",
     ""},
    {"device network proxy apply -a h -p 80", proxies, 0, "", "Proxy configuration applied.\n"},
    {"device network proxy apply -a h -p x", proxies, 2, "",
     "error: 'x' is no value for --port: it is a number\n"},
    {"device network proxy apply -a h -p 1 --enable --disable", proxies, 2, "",
     "error: --enable and --disable cannot go together\n"},
    {"device network proxy delete", proxies, 0, "", "Proxy configuration deleted.\n"},
    {"device network proxy enable -w secret", proxies, 0, "", "Proxy enabled.\n"},
    {"device network proxy disable", proxies, 0, "", "Proxy disabled.\n"},
    {"device network proxy disable", nothing, 6, "",
     "error: device 'd' has no proxy; set one with 'device network proxy apply'\n"},
    {"device network proxy enable", denied, 5, "", DENIED},
};

static void test_proxy(void **state) {
    check_talks(state, proxy_talks, SPH_ARRAY_SIZE(proxy_talks));
}

#define NETWORK                                                                                    \
    "{\"id\":0,\"ssid\":\"home\",\"securityState\":\"psk\",\"configState\":\"enabled\","           \
    "\"targetedScan\":false,\"connectionState\":\"connected\"}"
#define NETWORK_SHOWN                                                                              \
    "ID                     : 0\nSSID                   : home\n"                                  \
    "Configuration state    : enabled\nConnection state       : connected\n"                       \
    "Security state         : psk\nTargeted scan          : false\n"

static const struct fake_route wifi[] = {
    {.request = "GET /wifi/config/networks", .body = "{\"values\":[" NETWORK "]}"},
    {.request = "POST /wifi/config/networks", .status = 201, .body = NETWORK},
    {.request = "GET /wifi/config/networks/0", .body = NETWORK},
    {.request = "PATCH /wifi/config/networks/0", .body = NETWORK},
    {.request = "DELETE /wifi/config/networks/0", .body = "{}"},
    {.request = "GET /wifi/scan",
     .body = "{\"values\":[{\"ssid\":\"air\",\"securityState\":\"open\",\"bssid\":"
             "\"02:53:50:48:01:01\",\"signal_level\":-48,\"freq\":2412}]}"},
    {.request = "GET /wifi/interface",
     .body = "{\"interfaceState\":\"enabled\",\"connectionState\":\"disconnected\","
             "\"wpaState\":\"DISCONNECTED\",\"macAddress\":\"02:53:50:48:00:10\"}"},
    {.request = NULL},
};

static const struct talk wifis[] = {
    {"device wifi list", wifi, 0, NETWORK_SHOWN, ""},
    {"device wifi list", nothing, 0, "", "No Wi-Fi network is known.\n"},
    {"device wifi list -o json", nothing, 0, "[]\n", "No Wi-Fi network is known.\n"},
    {"device wifi show -i 0", wifi, 0, NETWORK_SHOWN, ""},
    {"device wifi show", wifi, 2, "",
     "error: option '--id ID' is missing\nSee 'spherule device wifi show --help'.\n"},
    {"device wifi show -i 7", unknown, 6, "",
     "error: Invalid request URI. (the device knows no such network)\n"},
    {"device wifi add -s home -p 12345678", wifi, 0, NETWORK_SHOWN, ""},
    {"device wifi add -s home -p 12345678 --client-id me", wifi, 2, "",
     "error: a network has either a passphrase or certificates\n"},
    {"device wifi enable -i 0", wifi, 0, "", "Wi-Fi network 0 enabled.\n"},
    {"device wifi disable -i 0", wifi, 0, "", "Wi-Fi network 0 disabled.\n"},
    {"device wifi forget -i 0", wifi, 0, "", "Wi-Fi network 0 forgotten.\n"},
    {"device wifi forget -i 7", unknown, 6, "",
     "error: Invalid request URI. (the device knows no such network)\n"},
    {"device wifi scan", wifi, 0,
     "SSID           : air\nBSSID          : 02:53:50:48:01:01\nSecurity state : open\n"
     "Signal level   : -48\nFrequency      : 2412\n",
     ""},
    {"device wifi scan", nothing, 0, "", "No Wi-Fi network is in reach.\n"},
    {"device wifi show-status", wifi, 0,
     "Configuration state : enabled\nConnection state    : disconnected\n"
     "WPA state           : DISCONNECTED\nMAC address         : 02:53:50:48:00:10\n",
     ""},
    {"device wifi reload-config", wifi, 0, "", "Wi-Fi configuration reloaded.\n"},
    {"device wifi reload-config", denied, 5, "", DENIED},
};

static void test_wifi(void **state) {
    check_talks(state, wifis, SPH_ARRAY_SIZE(wifis));
}

static const struct fake_route certs[] = {
    {.request = "GET /certstore/certs", .body = "{\"identifiers\":[\"one\",\"two\"]}"},
    {.request = "GET /certstore/certs/one",
     .body = "{\"id\":\"one\",\"notBefore\":\"2026-01-01T00:00:00Z\",\"notAfter\":"
             "\"2027-01-01T00:00:00Z\",\"subjectName\":\"CN=a\",\"issuerName\":\"CN=b\"}"},
    {.request = "GET /certstore/space", .body = "{\"AvailableSpace\":\"24514\"}"},
    {.request = "POST /certstore/certs/one", .body = "{}"},
    {.request = "POST /certstore/certs/two", .status = 400, .body = "{\"error\":38797332}"},
    {.request = "DELETE /certstore/certs/one", .body = "{}"},
    {.request = "",
     .status = 404,
     .body = "{\"error\":38797314,\"message\":\"there is no certificate \\\"x\\\"\"}"},
};

static const struct talk cert_talks[] = {
    {"device certificate list", certs, 0, "Certificate ID\none\ntwo\n", ""},
    {"device certificate list -o json", certs, 0, "[\n  \"one\",\n  \"two\"\n]\n", ""},
    {"device cert list", nothing, 0, "", "No certificate is in the store.\n"},
    {"device certificate show -i one", certs, 0,
     "Certificate ID : one\nNot before     : 2026-01-01T00:00:00Z\n"
     "Not after      : 2027-01-01T00:00:00Z\nSubject        : CN=a\nIssuer         : CN=b\n",
     ""},
    {"device certificate show -i x", certs, 6, "",
     "error: The certificate identifier is not valid (there is no certificate \"x\")\n"},
    {"device certificate delete --cert-id one", certs, 0, "", "Certificate 'one' deleted.\n"},
    {"device certificate show-quota", certs, 0, "Available space : 24514\n", ""},
    {"device certificate show-quota -o json", certs, 0, "{\n  \"AvailableSpace\": \"24514\"\n}\n",
     ""},
    {"device certificate add -i one -t client -p /dev/null", certs, 4, "",
     "error: the certificate in PEM '/dev/null' is not a file\n"},
    {"device certificate add -i one -t other -p x", certs, 2, "",
     "error: 'other' is no value for --cert-type; use client or rootca\nSee 'spherule device "
     "certificate add --help'.\n"},
};

static void test_certificates(void **state) {
    check_talks(state, cert_talks, SPH_ARRAY_SIZE(cert_talks));
}

/* With files in the home: %s. */
static const struct {
    const char *line;
    int status;
    const char *err;
} additions[] = {
    {"device certificate add -i one -t rootca -p %s/pem", 0, "Certificate 'one' added.\n"},
    {"device certificate add -i two -t rootca --public-key-filepath %s/pem", 4,
     "error: The private key does not fit the certificate\n"},
    {"device certificate add -i one -t client -p %s/pem", 2,
     "error: a client certificate needs --private-key-file\n"},
    {"device certificate add -i one -t rootca --private-key-file pem -p %s/pem", 4,
     "error: cannot open the private key in PEM 'pem': No such file or directory\n"},
    {"device certificate add -i one -t rootca -w x -p %s/pem", 2,
     "error: a root certificate has no private key here\n"},
};

static void test_certificate_add(void **state) {
    struct fake_gateway *fake = *state;
    fake_put(fake, "pem", "PEM\n", 4);
    for (size_t i = 0; i < SPH_ARRAY_SIZE(additions); i++) {
        char line[256];
        const char *home = strstr(additions[i].line, "%s");
        (void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(home - additions[i].line),
                       additions[i].line, fake->home, home + 2);
        const struct talk talk = {line, certs, additions[i].status, "", additions[i].err};
        check_talk(fake, &talk);
        if (i == 0)
            assert_string_equal(fake->seen, "POST /certstore/certs/one {\"certType\":\"RootCA\","
                                            "\"publicCert\":\"PEM\\n\"}\n");
    }
}

/* What goes over the wire, to the byte. */
static const struct {
    const char *line, *asked;
    const struct fake_route *routes;
} requests[] = {
    {"device network enable -i eth0", "PATCH /net/interfaces/eth0 {\"interfaceUp\":true}\n", net},
    {"device network disable -i eth0", "PATCH /net/interfaces/eth0 {\"interfaceUp\":false}\n", net},
    {"device network update-interface -i eth0 -a 02:x",
     "PATCH /net/interfaces/eth0 {\"hardwareAddress\":\"02:x\"}\n", net},
    {"device network proxy apply -a h -p 80 -n a,b --disable",
     "POST /net/proxy {\"address\":\"h\",\"port\":80,\"noProxyAddresses\":[\"a\",\"b\"],"
     "\"enabled\":false}\n",
     proxies},
    {"device network proxy apply -a h -p 80 -t basic -u me -w pw",
     "POST /net/proxy {\"address\":\"h\",\"port\":80,\"authenticationType\":\"basic\",\"username\":"
     "\"me\",\"password\":\"pw\",\"enabled\":true}\n",
     proxies},
    {"device wifi add -s home",
     "POST /wifi/config/networks {\"ssid\":\"home\",\"configState\":\"enabled\",\"securityState\":"
     "\"open\"}\n",
     wifi},
    {"device wifi add -s h -p 12345678 --targeted-scan",
     "POST /wifi/config/networks {\"ssid\":\"h\",\"psk\":\"12345678\",\"targetedScan\":true,"
     "\"configState\":\"enabled\",\"securityState\":\"psk\"}\n",
     wifi},
    {"device wifi add -s h --client-id a",
     "POST /wifi/config/networks {\"ssid\":\"h\",\"clientIdentity\":\"a\",\"configState\":"
     "\"enabled\",\"securityState\":\"eaptls\"}\n",
     wifi},
    {"device wifi enable -i 0", "PATCH /wifi/config/networks/0 {\"configState\":\"enabled\"}\n",
     wifi},
    {"device wifi disable -i 0", "PATCH /wifi/config/networks/0 {\"configState\":\"disabled\"}\n",
     wifi},
    {"device wifi forget -i 0", "DELETE /wifi/config/networks/0\n", wifi},
    {"device certificate delete -i one", "DELETE /certstore/certs/one\n", certs},
};

static void test_what_is_asked(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    for (size_t i = 0; i < SPH_ARRAY_SIZE(requests); i++) {
        fake_start(fake, requests[i].routes);
        speak(requests[i].line, &spoken);
        fake_stop(fake);
        assert_string_equal(fake->seen, requests[i].asked);
        assert_int_equal(spoken.status, 0);
    }
}

/* The password is not in the device's answer; all else goes back as it came. */
static void test_enabling_a_proxy_keeps_the_rest(void **state) {
    static struct spoken spoken;
    struct fake_gateway *fake = *state;
    fake_start(fake, proxies);
    speak("device network proxy disable", &spoken);
    fake_stop(fake);
    assert_int_equal(spoken.status, 0);
    assert_string_equal(
        fake->seen, "GET /net/proxy\nPOST /net/proxy {\"enabled\":false,\"address\":"
                    "\"proxy.test\",\"port\":8080,\"authenticationType\":\"basic\",\"username\":"
                    "\"me\",\"noProxyAddresses\":[\"a\",\"b\"]}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(test_network),
        WITH_DEVICE(test_proxy),
        WITH_DEVICE(test_wifi),
        WITH_DEVICE(test_certificates),
        WITH_DEVICE(test_certificate_add),
        WITH_DEVICE(test_what_is_asked),
        WITH_DEVICE(test_enabling_a_proxy_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
