import { InputError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";

/** A parsed image name with Docker Hub's defaults filled in. */
export interface ImageRef {
  /** Host and port as a registry client uses them: `index.docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** Path without registry: `library/debian`. */
  readonly repository: string;
  /** `latest` when neither tag nor digest was given; undefined when there is only a digest. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
  /** What the person wrote. */
  readonly original: string;
}

/** The registry of a name that has none. */
export const dockerHub = "index.docker.io";

const hostForm =
  /^(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]{1,5})?$/;
const repositoryForm = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Reads an image name in every form that Docker and the reference accept: `debian`,
 * `localhost/a`, `host:5000/a/b:tag`, `a@sha256:…`, `a:tag@sha256:…`. The first part is a registry
 * when it has a dot or a port or is `localhost`. Throws `INVALID_REFERENCE`; `source` is where
 * the name came from (`argument`, `run.toml`).
 */
export function parseReference(text: string, source = "image reference"): ImageRef {
  const at = text.indexOf("@");
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const digest = at === -1 ? undefined : readDigest(text.slice(at + 1), text, source);
  const colon = beforeDigest.lastIndexOf(":");
  const hasTag = colon !== -1 && !beforeDigest.slice(colon).includes("/");
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest;
  const tag = hasTag ? beforeDigest.slice(colon + 1) : digest === undefined ? "latest" : undefined;
  if (tag !== undefined && !tagForm.test(tag)) {
    throw invalid(text, source, "a tag of at most 128 letters, digits, `_`, `.` and `-`", tag);
  }
  const { registry, repository } = splitName(name);
  checkName(text, source, registry, repository);
  return { registry, repository, tag, digest, original: text };
}

function splitName(name: string): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const hasRegistry = first === "localhost" || first.includes(".") || first.includes(":");
  const registry = hasRegistry ? (first === "docker.io" ? dockerHub : first) : dockerHub;
  const path = hasRegistry ? name.slice(slash + 1) : name;
  const repository = registry === dockerHub && path !== "" && !path.includes("/") ? `library/${path}` : path;
  return { registry, repository };
}

function checkName(text: string, source: string, registry: string, repository: string): void {
  if (!hostForm.test(registry)) throw invalid(text, source, "a registry of the form host or host:port", registry);
  const lower = repository.toLowerCase();
  if (lower !== repository && repositoryForm.test(lower)) {
    const suggestion = text.replace(repository.replace(/^library\//, ""), (part) => part.toLowerCase());
    throw invalid(text, source, "a repository in lower case", repository, `use ${JSON.stringify(suggestion)}`);
  }
  if (!repositoryForm.test(repository) || repository.length > 255) {
    const expected =
      "a repository of lower-case letters, digits and single `.`, `_`, `-` between them, parts joined by `/`";
    throw invalid(text, source, expected, repository);
  }
}

function readDigest(digest: string, text: string, source: string): Digest {
  try {
    return parseDigest(digest);
  } catch (cause) {
    throw invalid(text, source, '"@sha256:" and 64 lower-case hexadecimal digits', digest, undefined, cause);
  }
}

function invalid(
  text: string,
  source: string,
  expected: string,
  got: string,
  hint = "a reference looks like host:5000/path/name:tag or name@sha256:…",
  cause?: unknown,
): InputError {
  const issue = { source, path: "", expected, got: JSON.stringify(got) };
  return new InputError("INVALID_REFERENCE", `could not parse reference: ${text}`, [issue], { hint, cause });
}

/** Registry and repository: `index.docker.io/library/debian`. */
export function repositoryName(ref: ImageRef): string {
  return `${ref.registry}/${ref.repository}`;
}

/** The full name as the reference implementation prints it: with the digest when there is one, else with the tag. */
export function refName(ref: ImageRef): string {
  return ref.digest === undefined
    ? `${repositoryName(ref)}:${ref.tag ?? "latest"}`
    : `${repositoryName(ref)}@${ref.digest}`;
}

/** What points to the manifest in a repository: the digest, else the tag. */
export function refIdentifier(ref: ImageRef): string {
  return ref.digest ?? ref.tag ?? "latest";
}

/** The same repository at a digest. */
export function withDigest(ref: ImageRef, digest: Digest): ImageRef {
  return { ...ref, tag: undefined, digest, original: `${repositoryName(ref)}@${digest}` };
}

/** The reference, or undefined for a text that is none. */
export function maybeReference(text: string): ImageRef | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
