import { accessSync, chownSync, constants, lchownSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { errorCode, TspackError } from "../../errors.ts";
import { here, type Place } from "../../layers/place.ts";
import { setgid } from "../../phases/make-directory.ts";
import type { Session } from "./session.ts";

/**
 * Makes directories usable for the builder's user. Root gives away what that user could not
 * write; anybody else must be able to write already, and so must root that may not give away
 * and was allowed to stay root. Throws `ROOT_REFUSED` as exit 1.
 */
export function ensureWritable(session: Session, directories: readonly string[]): void {
  for (const directory of directories) {
    if (directory === "" || lstatSync(directory, { throwIfNoEntry: false }) === undefined) continue;
    if (session.user.uid !== 0) requireWritable(directory);
    else giveAway(directory, session);
  }
}

/** The user that files in the image belong to, and that the phases run as when root started them. */
export function builderUser({ options, user }: Session): { readonly uid: number; readonly gid: number } {
  return { uid: options.uid ?? user.uid, gid: options.gid ?? user.gid };
}

/**
 * Root becomes the builder's user for good; everybody else stays who they are. Root that can not
 * (no capability SETUID) goes on with `-allow-root` alone. Throws `ROOT_REFUSED` as exit 1.
 */
export function dropPrivileges(session: Session): void {
  const { uid, gid } = builderUser(session);
  if (session.user.uid !== 0 || (uid === 0 && gid === session.user.gid)) return;
  try {
    process.setgroups?.([]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (cause) {
    if (session.options.allowRoot) {
      return session.ctx.logger.warn(
        `Running as root: it has no capability to become user ${uid}:${gid} (-allow-root)`,
      );
    }
    throw new TspackError("ROOT_REFUSED", `failed to exec as user ${uid}:${gid}`, {
      cause,
      hint: "root was started without the capabilities SETUID and SETGID; start the container as the builder's user, or allow buildpacks to run as root with -allow-root",
    });
  }
}

/**
 * A directory of the builder as layers show it: with its owner and mode on disk, as the reference
 * does it. Where it is not the builder's user that builds, or the directory is a mount that
 * belongs to a stranger or to a group (setgid), these are an accident of this container, and the image would have
 * another digest in the next one: then it is the builder's user that is shown.
 */
export function placeInImage(session: Session, path: string): Place {
  const owner = builderUser(session);
  // `-uid` may name another user than the builder image's own, whose directories stay as they are.
  const known = [String(owner.uid), session.env["CNB_USER_ID"]];
  const onDisk = lstatSync(path, { throwIfNoEntry: false });
  const isGroups = ((onDisk?.mode ?? 0) & setgid) !== 0;
  const usual = process.getuid?.() === owner.uid && known.includes(String(onDisk?.uid)) && !isGroups;
  return usual ? here(path) : { ...here(path), parents: { ...owner, mode: 0o755 } };
}

function requireWritable(directory: string): void {
  try {
    accessSync(directory, constants.W_OK);
  } catch (cause) {
    throw new TspackError("ROOT_REFUSED", `failed to chown volumes: chown ${directory}: operation not permitted`, {
      cause,
      hint: `make ${directory} writable for this user, or name another directory by its flag`,
    });
  }
}

function giveAway(directory: string, session: Session): void {
  try {
    chownTree(directory, builderUser(session));
  } catch (cause) {
    if (session.options.allowRoot && errorCode(cause) === "EPERM") return requireWritable(directory);
    throw new TspackError(
      "ROOT_REFUSED",
      `failed to chown volumes: chown ${directory}: ${errorCode(cause) ?? "failed"}`,
      {
        cause,
        hint: "root was started without the capability CHOWN; start the container as the builder's user, or allow buildpacks to run as root with -allow-root",
      },
    );
  }
}

function chownTree(directory: string, owner: { readonly uid: number; readonly gid: number }): void {
  const { uid, gid } = owner;
  const info = lstatSync(directory);
  if (info.uid === uid && info.gid === gid) return;
  chownSync(directory, uid, gid);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) chownTree(path, owner);
    else lchownSync(path, uid, gid);
  }
}
