/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: whole reads and writes, and file replacement that survives a crash. All return 0 or -errno. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

struct buf;

int fd_write_all(int fd, const void *bytes, size_t len_bytes);
int fd_read_all(int fd, void *bytes, size_t len_bytes);              /* -ENODATA when the file ends before that */
/* Appends; on success ret->data ends in a NUL and is never NULL. -EFBIG above max_bytes. */
int fd_read_file(int dir_fd, const char *name, size_t max_bytes, struct buf *ret);
/* Write beside, fsync, rename over, fsync the directory: readers see the old bytes or the new, never a mixture. */
int fd_replace_file(int dir_fd, const char *name, const void *bytes, size_t len_bytes, mode_t mode);
/* The same by a path, as people give it. */
int fd_replace_path(const char *path, const void *bytes, size_t len_bytes, mode_t mode);
/* Anonymous memory file with these bytes, sealed against any change. Position 0. */
int fd_sealed(const char *name, const void *bytes, size_t len_bytes, int *ret_fd);

#endif
