const messages: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EEXIST: "file exists",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  ENOEXEC: "exec format error",
  ETXTBSY: "text file busy",
  E2BIG: "argument list too long",
  EAGAIN: "resource temporarily unavailable",
  EINVAL: "invalid argument",
  EIO: "input/output error",
  ENOMEM: "cannot allocate memory",
  EMFILE: "too many open files",
  ENFILE: "too many open files in system",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
  EISDIR: "is a directory",
  EROFS: "read-only file system",
  ENOSPC: "no space left on device",
};

/** The operating system's words for an error, without the call and the path that Node adds. */
export function systemMessage(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  return messages[code] ?? (error instanceof Error ? error.message : String(error));
}
