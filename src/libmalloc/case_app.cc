// A C++ program: what it makes with `new` is its own, whichever form it takes.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <unistd.h>

extern "C" {
#include "libmalloc/truth.h"
}

namespace {
struct alignas(64) Wide {
    char bytes[128];
};
struct Thrower {
    char bytes[200];
    Thrower() {
        throw 1;
    }
};

void compare() {
    char byte = 0;
    if (write(TRUTH_ASK_FD, &byte, 1) != 1 || read(TRUTH_GO_FD, &byte, 1) != 1)
        std::abort();
}

void keep(const void *block) {
    if (block == nullptr)
        std::abort();
}

int throw_all() {
    int thrown = 0;
    volatile std::size_t huge = static_cast<std::size_t>(-1) / 4;
    try {
        keep(::operator new(huge));
    } catch (const std::bad_alloc &) {
        thrown++;
    }
    try {
        keep(new Thrower); // its block goes back on the way out
    } catch (int) {
        thrown++;
    }
    return thrown;
}
} // namespace

int main() {
    if (throw_all() != 2) // the exceptions' own blocks are given back too
        return 2;
    compare();
    int *one = new int(1);
    int *many = new int[10];
    int *quiet = new (std::nothrow) int(2);
    int *quiets = new (std::nothrow) int[20];
    Wide *wide = new Wide;
    Wide *wides = new Wide[2];
    keep(one), keep(many), keep(quiet), keep(quiets), keep(wide), keep(wides);
    compare();
    delete one;
    delete[] many;
    delete quiet;
    delete[] quiets;
    delete wide;
    delete[] wides;
    compare();
    return 0;
}
