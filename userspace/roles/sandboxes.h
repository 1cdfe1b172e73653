/* SPDX-License-Identifier: Apache-2.0 */
/* What each process may still do once it is running. tests/privsep enters these very descriptions and tries what they forbid. */
#ifndef ROLES_SANDBOXES_H
#define ROLES_SANDBOXES_H

#include "sandbox/sandbox.h"

/* Descriptors that a role finds open, whatever started it: everything above the last is closed. */
enum role_fd {
	FD_SUPERVISOR = 3,  /* socket to the supervisor; the compiler has none */
	FD_STATE = 4,       /* kernel: the state directory */
	FD_RUN = 5,         /* kernel: and the other directories that polyward consists of, to be guarded */
	FD_LOG_OUTER = 6,
	FD_INSTALL = 7,
	FD_ENTRY_DIR = 8,   /* where polywardd lies; its name there is the first argument */
	FD_LISTEN = 4,      /* control: the socket for clients */
	FD_LOG = 4,         /* audit: the log directory, the keys of sealed fields, the key that signs */
	FD_KEYS = 5,
	FD_SIGNER = 6,
	FD_RETENTION = 7,   /* audit: how long what is kept, to read */
	FD_POLICY = 3,      /* compile: the policy's directory, a memory file for the image, one for messages */
	FD_IMAGE = 4,
	FD_MESSAGES = 5,
};

extern const struct sandbox sandbox_supervisor, sandbox_kernel, sandbox_control, sandbox_audit;
extern const struct sandbox sandbox_compile;      /* as nobody */
extern const struct sandbox sandbox_compile_root; /* as nobody, but past file modes: root asked, who may read all there is */

#endif
