/* Pins: what is asked of the agent, and what the descriptor that it gives can do. */
#include <applibs/gpio.h>

#include "fake_agent.h"

static void test_open_input(void) {
    struct fake_agent agent = FAKE_AGENT_OK;
    GPIO_Value_Type value = 7;
    agent.file = "pin";
    fake_agent_start(&agent);
    int fd = GPIO_OpenAsInput(12);
    struct sph_app_request request = fake_agent_finish(&agent);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(request.op == SPH_APP_GPIO_OPEN_INPUT && request.args[0] == 12);
    CHECK(GPIO_GetValue(fd, &value) == 0 && value == GPIO_Value_High);
    CHECK(pwrite(fd, "\0", 1, 0) == 1);
    CHECK(GPIO_GetValue(fd, &value) == 0 && value == GPIO_Value_Low);
    CHECK(close(fd) == 0);

    value = 7;
    fd = open("pin", O_RDONLY | O_CLOEXEC);
    CHECK_FAILS(GPIO_SetValue(fd, GPIO_Value_Low), -1, EBADF);
    CHECK_FAILS(GPIO_GetValue(fd, NULL), -1, EFAULT);
    CHECK(close(fd) == 0);
    CHECK_FAILS(GPIO_GetValue(fd, &value), -1, EBADF);
    CHECK_FAILS(GPIO_SetValue(fd, GPIO_Value_Low), -1, EBADF);
    CHECK_FAILS(GPIO_GetValue(-1, &value), -1, EBADF);
    CHECK(value == 7);
}

static void test_open_output(void) {
    static const struct {
        GPIO_OutputMode_Type mode;
        GPIO_Value_Type value;
        int expected; /* errno, or 0 */
    } rows[] = {
        {GPIO_OutputMode_PushPull, GPIO_Value_High, 0},
        {GPIO_OutputMode_OpenDrain, GPIO_Value_Low, 0},
        {GPIO_OutputMode_OpenSource, GPIO_Value_High, 0},
        {3, GPIO_Value_Low, EINVAL},
        {255, GPIO_Value_Low, EINVAL},
        {GPIO_OutputMode_PushPull, 2, EINVAL},
        {GPIO_OutputMode_PushPull, 255, EINVAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].expected != 0) {
            CHECK_FAILS(GPIO_OpenAsOutput(8, rows[i].mode, rows[i].value), -1, rows[i].expected);
            continue;
        }
        struct fake_agent agent = FAKE_AGENT_OK;
        GPIO_Value_Type value = 7;
        agent.file = "pin";
        fake_agent_start(&agent);
        int fd = GPIO_OpenAsOutput(8, rows[i].mode, rows[i].value);
        struct sph_app_request request = fake_agent_finish(&agent);
        CHECK(request.op == SPH_APP_GPIO_OPEN_OUTPUT && request.args[0] == 8);
        CHECK(request.args[1] == rows[i].mode && request.args[2] == rows[i].value);
        CHECK(GPIO_SetValue(fd, GPIO_Value_High) == 0);
        CHECK(GPIO_GetValue(fd, &value) == 0 && value == GPIO_Value_High);
        CHECK(GPIO_SetValue(fd, GPIO_Value_Low) == 0);
        CHECK(GPIO_GetValue(fd, &value) == 0 && value == GPIO_Value_Low);
        CHECK_FAILS(GPIO_SetValue(fd, 2), -1, EINVAL);
        CHECK(close(fd) == 0);
    }
}

/* The agent's errno is the application's errno; with no agent, or no descriptor, it is EIO. */
static void test_refusals(void) {
    static const int errors[] = {EACCES, EBUSY, ENODEV};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct fake_agent agent = FAKE_AGENT_OK;
        agent.reply.error = errors[i];
        fake_agent_start(&agent);
        CHECK_FAILS(GPIO_OpenAsInput(-3), -1, errors[i]);
        CHECK(fake_agent_finish(&agent).args[0] == (uint32_t)-3);
        fake_agent_start(&agent);
        CHECK_FAILS(GPIO_OpenAsOutput(76, GPIO_OutputMode_PushPull, 0), -1, errors[i]);
        CHECK(fake_agent_finish(&agent).args[0] == 76);
    }
    struct fake_agent empty_handed = FAKE_AGENT_OK;
    fake_agent_start(&empty_handed);
    CHECK_FAILS(GPIO_OpenAsInput(1), -1, EIO);
    (void)fake_agent_finish(&empty_handed);
    CHECK_FAILS(GPIO_OpenAsInput(1), -1, EIO);
    CHECK_FAILS(GPIO_OpenAsOutput(1, GPIO_OutputMode_PushPull, GPIO_Value_Low), -1, EIO);
}

static void test_not_a_pin(void) {
    GPIO_Value_Type value = 7;
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK_FAILS(GPIO_GetValue(ends[0], &value), -1, EBADF);
    CHECK_FAILS(GPIO_SetValue(ends[1], GPIO_Value_High), -1, EBADF);
    CHECK(value == 7);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

int main(void) {
    char scratch[32];
    check_enter_scratch(scratch);
    test_open_input();
    test_open_output();
    test_refusals();
    test_not_a_pin();
    CHECK(unlink("pin") == 0);
    CHECK(rmdir(scratch) == 0);
    return check_done();
}
