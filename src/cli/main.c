/* spherule, and azsphere when called by that name. All else is in the library, so that the tests
 * link the whole program and run it in their own process. */
#include "cli/frame/cli.h"

int main(int argc, char **argv) {
    return sph_cli_main(argc, argv);
}
