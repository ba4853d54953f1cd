/* Calls every function of the headers on a real device and says what was not as documented. With
 * the argument "granted" the manifest grants what is used, with "refused" it grants nothing. The
 * exit status is 0, or 1 when a line says "failed". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <applibs/application.h>
#include <applibs/applications.h>
#include <applibs/eventloop.h>
#include <applibs/gpio.h>
#include <applibs/log.h>
#include <applibs/storage.h>
#include <hw/sample_appliance.h>

enum { LIMIT = 8192, NOT_IN_MANIFEST = MT3620_GPIO20, NO_SUCH_PIN = 76 };

static int failures;

static void check(bool is_true, const char *text) {
    if (is_true)
        return;
    failures++;
    Log_Debug("failed: %s (errno %d, %s)\n", text, errno, strerror(errno));
}

#define CHECK(condition) check((condition), #condition)
#define CHECK_FAILS(call, error) (errno = 0, CHECK((call) == -1), CHECK(errno == (error)))

static void check_memory(void) {
    enum { BYTES = 65536 };
    Applications_OsVersion version = {""};
    bool is_ready = true;
    size_t before = Applications_GetUserModeMemoryUsageInKB();
    volatile char *block = malloc(BYTES);
    for (int i = 0; block != NULL && i < BYTES; i += 4096)
        block[i] = 1;
    size_t user = Applications_GetUserModeMemoryUsageInKB();
    size_t peak = Applications_GetPeakUserModeMemoryUsageInKB();
    CHECK(before > 0 && before % 4 == 0);
    CHECK(user >= before + BYTES / 1024 && user <= before + BYTES / 1024 + 8);
    CHECK(peak >= user);
    CHECK(Applications_GetTotalMemoryUsageInKB() > user);
    CHECK(Application_IsDeviceAuthReady(&is_ready) == 0 && !is_ready);
    CHECK(Applications_GetOsVersion(&version) == 0 && strlen(version.version) > 0);
    free((void *)block);
    CHECK(Applications_GetUserModeMemoryUsageInKB() < user);
    CHECK(Applications_GetPeakUserModeMemoryUsageInKB() == peak);
}

static void check_package(const char *program) {
    char text[6] = "";
    char *path = Storage_GetAbsolutePathInImagePackage("data/text");
    CHECK(path != NULL && strncmp(path, "/mnt/apps/", 10) == 0);
    CHECK(path != NULL && strncmp(path, program, strlen("/mnt/apps/") + 36) == 0);
    CHECK(path != NULL && access(path, R_OK) == 0 && access(path, W_OK) < 0);
    free(path);
    int fd = Storage_OpenFileInImagePackage("data/text");
    CHECK(fd >= 0 && read(fd, text, 5) == 5 && strcmp(text, "text\n") == 0);
    CHECK(close(fd) == 0);
    CHECK_FAILS(Storage_OpenFileInImagePackage("data"), EINVAL);
    CHECK_FAILS(Storage_OpenFileInImagePackage("data/none"), ENOENT);
    CHECK_FAILS(Storage_OpenFileInImagePackage("../x"), EINVAL);
}

static void check_storage(void) {
    static char full[LIMIT];
    char byte = 0;
    CHECK_FAILS(Storage_DeleteMutableFile(), ENOENT);
    int fd = Storage_OpenMutableFile();
    CHECK(fd >= 0 && read(fd, &byte, 1) == 0);
    CHECK(write(fd, full, LIMIT) == LIMIT);
    CHECK_FAILS(write(fd, full, 1), EDQUOT);
    CHECK(pwrite(fd, "x", 1, 0) == 1 && close(fd) == 0);
    fd = Storage_OpenMutableFile();
    CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'x');
    CHECK(close(fd) == 0 && Storage_DeleteMutableFile() == 0);
    CHECK_FAILS(Storage_DeleteMutableFile(), ENOENT);
}

static void check_gpio(void) {
    GPIO_Value_Type value = 7;
    int input = GPIO_OpenAsInput(SAMPLE_BUTTON_1);
    int output = GPIO_OpenAsOutput(SAMPLE_LED, GPIO_OutputMode_OpenDrain, GPIO_Value_High);
    CHECK(input >= 0 && GPIO_GetValue(input, &value) == 0 && value == GPIO_Value_High);
    CHECK(output >= 0 && GPIO_GetValue(output, &value) == 0 && value == GPIO_Value_High);
    CHECK(GPIO_SetValue(output, GPIO_Value_Low) == 0);
    CHECK(GPIO_GetValue(output, &value) == 0 && value == GPIO_Value_Low);
    CHECK_FAILS(GPIO_SetValue(output, 2), EINVAL);
    CHECK_FAILS(GPIO_SetValue(input, GPIO_Value_High), EBADF);
    CHECK_FAILS(GPIO_OpenAsInput(SAMPLE_BUTTON_1), EBUSY);
    CHECK_FAILS(GPIO_OpenAsInput(SAMPLE_LED), EBUSY);
    CHECK_FAILS(GPIO_OpenAsOutput(SAMPLE_LED, 3, GPIO_Value_Low), EINVAL);
    CHECK_FAILS(GPIO_OpenAsInput(NOT_IN_MANIFEST), EACCES);
    CHECK_FAILS(GPIO_OpenAsInput(NO_SUCH_PIN), ENODEV);
    CHECK(close(input) == 0);
    input = GPIO_OpenAsInput(SAMPLE_BUTTON_1);
    CHECK(input >= 0 && close(input) == 0 && close(output) == 0);
}

static void on_timer(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    int *calls = context;
    unsigned long long expirations;
    CHECK(events == EventLoop_Input && read(fd, &expirations, sizeof(expirations)) > 0);
    if (++*calls == 3)
        CHECK(EventLoop_Stop(el) == 0);
}

static void check_event_loop(void) {
    const struct itimerspec every_ms = {{0, 1000000}, {0, 1000000}};
    int calls = 0;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    EventLoop *el = EventLoop_Create();
    CHECK(el != NULL && timerfd_settime(fd, 0, &every_ms, NULL) == 0);
    EventRegistration *reg = EventLoop_RegisterIo(el, fd, EventLoop_Input, on_timer, &calls);
    CHECK(reg != NULL && EventLoop_Run(el, -1, false) == EventLoop_Run_Finished && calls == 3);
    CHECK(EventLoop_ModifyIoEvents(el, reg, EventLoop_None) == 0);
    CHECK(EventLoop_Run(el, 5, false) == EventLoop_Run_FinishedEmpty);
    CHECK(EventLoop_UnregisterIo(el, reg) == 0 && EventLoop_GetWaitDescriptor(el) >= 0);
    EventLoop_Close(el);
    CHECK(close(fd) == 0);
}

static void check_refusals(void) {
    CHECK_FAILS(GPIO_OpenAsInput(SAMPLE_BUTTON_1), EACCES);
    CHECK_FAILS(GPIO_OpenAsOutput(SAMPLE_LED, GPIO_OutputMode_PushPull, 0), EACCES);
    CHECK_FAILS(Storage_OpenMutableFile(), EACCES);
    CHECK_FAILS(Storage_DeleteMutableFile(), EACCES);
}

int main(int argc, char *argv[]) {
    CHECK(argc == 2);
    if (argc == 2 && strcmp(argv[1], "granted") == 0) {
        check_memory();
        check_package(argv[0]);
        check_storage();
        check_gpio();
        check_event_loop();
    } else {
        check_refusals();
    }
    Log_Debug("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
