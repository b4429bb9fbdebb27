import { errorCode, TspackError } from "../errors.ts";

const hints: Readonly<Record<string, string>> = {
  EACCES: "make it accessible for this user, or name another place by a flag or a variable",
  EPERM: "make it accessible for this user, or name another place by a flag or a variable",
  EROFS: "mount it writable, or name another place by a flag or a variable",
  ENOENT: "check the path, or make it",
  ENOTDIR: "check the path: a part of it is a file",
  EISDIR: "check the path: it is a directory",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENFILE: "too many files are open on this machine",
  ENOMEM: "free memory, or raise the limit of this container",
  ELOOP: "check the path: links in it lead to each other",
  ENAMETOOLONG: "shorten the path",
};

/**
 * What the operating system refused, as an error for a person: no stack, because it is no bug
 * of ours. A full disk is named whatever failed because of it. Everything else comes back as it is.
 */
export function explainSystemError(error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof TspackError && cause.code === "DISK_FULL") return cause;
    if (!["ENOSPC", "EDQUOT"].includes(errorCode(cause) ?? "")) continue;
    const hint = "free disk space, or use a larger disk (TSPACK_HOME for tspack, TMPDIR for the lifecycle)";
    return new TspackError("DISK_FULL", "no space left on the disk", { cause: error, hint });
  }
  if (error instanceof TspackError || !(error instanceof Error) || !("syscall" in error)) return error;
  const code = errorCode(error) ?? "";
  return new TspackError("SYSTEM_REFUSED", error.message, { hint: hints[code] });
}
