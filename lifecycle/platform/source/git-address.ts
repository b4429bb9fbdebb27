import { posix } from "node:path";
import { InputError } from "../../errors.ts";

/** Where in a Git repository an application is. */
export interface GitAddress {
  /** As `git` takes it: `https://…`, `ssh://…`, `file:///…`, without any credential. */
  readonly url: string;
  readonly protocol: "https" | "ssh" | "file";
  /** A branch, a tag or a commit; undefined: the repository's default branch. */
  readonly ref: string | undefined;
  /** The application's directory, relative; empty for the whole repository. */
  readonly subdirectory: string;
}

const form = "git+https://HOST/PATH#REF:DIRECTORY (also git+ssh://, git+file://)";

/**
 * Reads `git+https://host/path#ref:subdir`. Undefined for a text that is no such address. Throws
 * `INVALID_ARGUMENTS` of `source` for other protocols, for credentials in it, and for what no ref or
 * directory can be.
 */
export function parseGitAddress(text: string, source = "--path"): GitAddress | undefined {
  if (!text.startsWith("git+")) return undefined;
  const hash = text.indexOf("#");
  const [address, fragment] = hash === -1 ? [text, ""] : [text.slice(0, hash), text.slice(hash + 1)];
  const colon = fragment.indexOf(":");
  const [ref, subdirectory] = colon === -1 ? [fragment, ""] : [fragment.slice(0, colon), fragment.slice(colon + 1)];
  const wrong = refuser(source);
  const url = parseUrl(address.slice("git+".length), text, wrong);
  return {
    url: url.text,
    protocol: url.protocol,
    ref: checkRef(ref, wrong),
    subdirectory: checkSubdirectory(subdirectory, wrong),
  };
}

/** The address as messages may show it: a credential that somebody wrote into it is left out. */
export function withoutUserInfo(text: string): string {
  return text.replaceAll(/\/\/[^/\s]*@/g, "//");
}

function parseUrl(
  text: string,
  whole: string,
  wrong: Refuse,
): { readonly text: string; readonly protocol: GitAddress["protocol"] } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || /[\s\0-\x1f]/.test(text)) throw wrong(form, withoutUserInfo(whole));
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== "https" && protocol !== "ssh" && protocol !== "file") {
    throw wrong("git+https://, git+ssh:// or git+file://", `git+${url.protocol}//`);
  }
  // Programs' arguments can be seen by everybody on the machine, and a log keeps them.
  if (url.password !== "" || (protocol === "https" && url.username !== "")) {
    throw wrong(
      "an address without user name and password",
      withoutUserInfo(whole),
      "let git ask its credential helper (git config credential.helper), GIT_ASKPASS or ssh-agent",
    );
  }
  if (url.hostname.startsWith("-") || url.username.startsWith("-")) throw wrong(form, whole);
  if (protocol !== "file" && url.hostname === "") throw wrong("an address with a host", whole);
  if (protocol === "file" && url.hostname !== "") throw wrong("git+file:///PATH", whole);
  return { text, protocol };
}

/** What `git check-ref-format` takes, and what is no option and no pattern. */
function checkRef(ref: string, wrong: Refuse): string | undefined {
  if (ref === "") return undefined;
  if (/^[-+/.]|\.\.|@\{|\/\/|[\s\0-\x20~^?*[\\\x7f]|[/.]$|\.lock$/.test(ref)) {
    throw wrong("the name of a branch, a tag or a commit after #", JSON.stringify(ref));
  }
  return ref;
}

function checkSubdirectory(path: string, wrong: Refuse): string {
  const trimmed = posix.normalize(path === "" ? "." : path).replace(/\/$/, "");
  if (trimmed === "." || trimmed === "") return "";
  if (trimmed.startsWith("/") || trimmed.split("/").includes("..") || trimmed.includes("\0")) {
    throw wrong("a directory of the repository after the colon", JSON.stringify(path));
  }
  return trimmed;
}

type Refuse = (expected: string, got: string, hint?: string) => InputError;

function refuser(source: string): Refuse {
  return (expected, got, hint = `the form is ${form}`) => {
    const issue = { source, path: "", expected, got };
    return new InputError("INVALID_ARGUMENTS", "the address of the Git repository can not be used", [issue], { hint });
  };
}
