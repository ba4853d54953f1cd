/* leak-fixed: the leak sample with its mistake mended. Button 2 frees the node that it deletes, and
 * the memory comes back to where it was: musl gives a block of this size back to the kernel at
 * once. (Small blocks stay in the heap for the next malloc(), and the figure stays with them.)
 *
 * Why the nodes are written is said in the leak sample. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <applibs/eventloop.h>
#include <applibs/gpio.h>
#include <applibs/log.h>
#include <hw/sample_appliance.h>

enum {
    NODE_BYTES = 20000,
    POLL_NS = 1000000, /* a press is seen after a millisecond at most */
    EXIT_SETUP = 1,
    EXIT_LOOP = 2,
};

/* The payload is what makes it heavy; nothing reads it. */
struct node {
    struct node *next;
    char payload[NODE_BYTES];
};

struct button {
    GPIO_Id pin;
    int fd;
    GPIO_Value_Type level; /* low while pressed */
    void (*on_press)(void);
};

static struct node *list; /* newest first */
static unsigned node_count;
static volatile sig_atomic_t is_terminating;

static void add_node(void) {
    struct node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        Log_Debug("No memory for a node: %s\n", strerror(errno));
        return;
    }
    memset(node->payload, 'n', sizeof(node->payload));
    node->next = list;
    list = node;
    node_count++;
    Log_Debug("Added a node: %u in the list\n", node_count);
}

static void delete_node(void) {
    if (list == NULL) {
        Log_Debug("The list is empty\n");
        return;
    }
    struct node *old_head = list;
    list = list->next;
    free(old_head); /* the whole difference to stage 1 */
    node_count--;
    Log_Debug("Deleted a node: %u in the list\n", node_count);
}

static struct button buttons[] = {
    {.pin = SAMPLE_BUTTON_1, .fd = -1, .on_press = add_node},
    {.pin = SAMPLE_BUTTON_2, .fd = -1, .on_press = delete_node},
};
enum { BUTTONS = sizeof(buttons) / sizeof(buttons[0]) };

/* A press is the edge from high to low. The level at the start counts as seen, so that a button
 * that is held down while the app starts adds nothing. */
static void poll_button(struct button *button) {
    GPIO_Value_Type level = button->level;
    if (GPIO_GetValue(button->fd, &level) < 0)
        Log_Debug("Button %d cannot be read: %s\n", button->pin, strerror(errno));
    if (level == GPIO_Value_Low && button->level == GPIO_Value_High)
        button->on_press();
    button->level = level;
}

static void on_timer(EventLoop *el, int fd, EventLoop_IoEvents events, void *context) {
    unsigned long long ticks; /* read, or the timer stays ready; several late ones count as one */
    (void)el;
    (void)events;
    (void)context;
    if (read(fd, &ticks, sizeof(ticks)) < 0)
        return;
    for (int i = 0; i < BUTTONS; i++)
        poll_button(&buttons[i]);
}

/* The device asks the app to end, and kills it two seconds later if it is still there. Nothing but
 * the flag here: Log_Debug() and most else may not be called in a signal handler. */
static void on_sigterm(int number) {
    (void)number;
    is_terminating = 1;
}

static int open_buttons(void) {
    for (int i = 0; i < BUTTONS; i++) {
        buttons[i].fd = GPIO_OpenAsInput(buttons[i].pin);
        if (buttons[i].fd < 0 || GPIO_GetValue(buttons[i].fd, &buttons[i].level) < 0) {
            Log_Debug("Button %d cannot be opened: %s\n", buttons[i].pin, strerror(errno));
            return -1;
        }
    }
    return 0;
}

static int start_timer(EventLoop *el) {
    const struct itimerspec every_ms = {{0, POLL_NS}, {0, POLL_NS}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0 || timerfd_settime(fd, 0, &every_ms, NULL) < 0)
        return -1;
    return EventLoop_RegisterIo(el, fd, EventLoop_Input, on_timer, NULL) != NULL ? 0 : -1;
}

int main(void) {
    const struct sigaction terminate = {.sa_handler = on_sigterm};
    EventLoop *el = EventLoop_Create();
    if (sigaction(SIGTERM, &terminate, NULL) < 0 || el == NULL || open_buttons() < 0 ||
        start_timer(el) < 0) {
        Log_Debug("Set-up failed: %s\n", strerror(errno));
        return EXIT_SETUP;
    }
    Log_Debug("Button 1 adds a node of %d bytes, button 2 deletes one\n", NODE_BYTES);
    /* One event at a time, so that the flag is looked at in between; a signal ends the wait with
     * EINTR. */
    while (!is_terminating) {
        if (EventLoop_Run(el, -1, true) == EventLoop_Run_Failed && errno != EINTR) {
            Log_Debug("The event loop failed: %s\n", strerror(errno));
            return EXIT_LOOP;
        }
    }
    Log_Debug("Asked to end\n");
    return 0;
}
