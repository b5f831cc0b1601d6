/* main.c: the program `holdfast`. */
#include "cli/cli.h"

#include <signal.h>

int main(int argc, char **argv)
{
	/* A node that hangs up is an error of the request, not the end of us. */
	(void)signal(SIGPIPE, SIG_IGN);
	return cli_main(argc, argv);
}
