/* spherule, and azsphere when called by that name. */
#include "cli/cli.h"

int main(int argc, char **argv) {
    return sph_cli_main(argc, argv);
}
