import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";
import { isRegistryId, registryEntryPath } from "../../cnb/files/registry-entry.ts";
import { InputError, TspackError } from "../../errors.ts";
import { type ImageRef, maybeReference, parseReference } from "../../oci/reference.ts";
import type { BuildpackRequest } from "./request.ts";

/** Where a buildpack is that somebody asked for. */
export type Location =
  /** All groups of the builder's own order. */
  | { readonly kind: "builder-order" }
  | { readonly kind: "in-builder"; readonly id: string; readonly version: string | undefined }
  /** A directory, an archive or a `.cnb` file. */
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: string }
  /** `guessed`: the text may have been meant as an id. */
  | { readonly kind: "image"; readonly ref: ImageRef; readonly guessed: boolean }
  /** In the index of a registry. `guessed`: the text may have been meant as an id of the builder. */
  | { readonly kind: "registry"; readonly id: string; readonly version: string | undefined; readonly guessed: boolean }
  | Extract<BuildpackRequest, { readonly kind: "inline" }>;

/** What a reference is looked up in. */
export interface LocateScope {
  /** What relative paths are relative to. */
  readonly baseDir: string;
  /** The real path of a directory that paths must not lead out of, links included; undefined: they may. */
  readonly within?: string | undefined;
  /** What the builder has; nothing where there is no builder. */
  readonly known: readonly { readonly id: string; readonly version: string }[];
  /** `--buildpack`, for messages. */
  readonly source: string;
}

/**
 * Decides what a request means: an address, a path that exists, an id that the builder has,
 * `NAMESPACE/NAME@VERSION` of a registry, or else an image. Throws `BUILDPACK_NOT_FOUND`, `INVALID_ARGUMENTS`, `INVALID_REFERENCE`.
 */
export function locate(request: BuildpackRequest, scope: LocateScope): Location {
  switch (request.kind) {
    case "inline":
      return request;
    case "id":
      return inBuilder(request.id, request.version === "" ? undefined : request.version, scope);
    case "uri":
      return locateText(request.uri, scope);
    case "reference":
      return locateText(request.text, scope);
  }
}

function locateText(text: string, scope: LocateScope): Location {
  if (text === "from=builder" || text === "urn:cnb:builder") return { kind: "builder-order" };
  const named = /^(?:urn:cnb:builder|from=builder):(.+)$/.exec(text)?.[1];
  if (named !== undefined) return inBuilder(...splitId(named), scope);
  if (text.startsWith(registryPrefix)) return inRegistry(text.slice(registryPrefix.length), scope);
  if (text.startsWith("docker:/")) {
    const name = text.replace(/^docker:\/+/, "");
    return { kind: "image", ref: parseReference(name, scope.source), guessed: false };
  }
  if (/^https?:\/\//i.test(text)) return { kind: "url", url: text };
  if (text.startsWith("file://")) return inside(filePath(text, scope), scope);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw unknownScheme(text, scope);
  const path = resolve(scope.baseDir, text);
  // As others do it: what is there as a file wins over an id.
  if (existsSync(path)) return inside(path, scope);
  return locateName(text, scope);
}

/** A path, unless what names it is confined and it leads out. */
function inside(path: string, { within, source }: LocateScope): Location {
  if (within === undefined) return { kind: "path", path };
  const real = existsSync(path) ? realpathSync(path) : path;
  if (real === within || real.startsWith(`${within}/`)) return { kind: "path", path: real };
  const issue = { source, path: "", expected: "a path in the application, an address or an image", got: path };
  throw new InputError("INVALID_PROJECT", "an application can not use files of this machine outside of it", [issue], {
    hint: "the application is from an archive or a repository; name such buildpacks on the command line",
  });
}

function locateName(text: string, scope: LocateScope): Location {
  const [id, version] = splitId(text);
  if (scope.known.some((one) => one.id === id && (version === undefined || version === one.version)))
    return { kind: "in-builder", id, version };
  const ref = maybeReference(text);
  const looksLikePath = /^[./~]|\.(tgz|tar|gz|cnb)$/.test(text);
  // An image's part behind the @ is a digest, so this can only be meant as a version.
  if (ref === undefined && version !== undefined && !looksLikePath && isRegistryId(id)) {
    if (!scope.known.some((one) => one.id === id)) return { kind: "registry", id, version, guessed: true };
  }
  if (ref === undefined || looksLikePath || scope.known.some((one) => one.id === id)) throw notFound(text, scope);
  return { kind: "image", ref, guessed: true };
}

/** `id@version` or `id`. */
export function splitId(text: string): readonly [id: string, version: string | undefined] {
  const at = text.lastIndexOf("@");
  return at <= 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function inBuilder(id: string, version: string | undefined, scope: LocateScope): Location {
  if (scope.known.some((one) => one.id === id && (version === undefined || version === one.version)))
    return { kind: "in-builder", id, version };
  throw notFound(version === undefined ? id : `${id}@${version}`, scope);
}

function filePath(text: string, { source }: LocateScope): string {
  try {
    return fileURLToPath(text);
  } catch (cause) {
    const issue = { source, path: "", expected: "file:///PATH", got: JSON.stringify(text) };
    throw new InputError("INVALID_ARGUMENTS", "the address of a buildpack can not be read", [issue], { cause });
  }
}

const registryPrefix = "urn:cnb:registry:";

function inRegistry(text: string, { source }: LocateScope): Location {
  const [id, version] = splitId(text);
  // Throws for what can be in no index.
  registryEntryPath(id, source);
  return { kind: "registry", id, version, guessed: false };
}

function unknownScheme(text: string, { source }: LocateScope): InputError {
  const issue = { source, path: "", expected: "docker://, https://, http:// or file://", got: JSON.stringify(text) };
  return new InputError("INVALID_ARGUMENTS", "the address of a buildpack can not be used", [issue]);
}

/** There is no such buildpack; says which ones the builder has, and the one that was probably meant. */
export function notFound(text: string, { known, source }: LocateScope, cause?: unknown): TspackError {
  if (known.length === 0) {
    const message = `${source}: ${text} is not there as a file, and no image of that name was found`;
    const hint = "name a directory, a .cnb file, an address or an image; what a builder has is told by builder inspect";
    return new TspackError("BUILDPACK_NOT_FOUND", message, { cause, hint });
  }
  const names = known.map(({ id, version }) => `${id}@${version}`);
  const meant = closest(text, [...new Set([...known.map(({ id }) => id), ...names])]);
  const has = `the builder has ${names.toSorted().join(", ")}`;
  return new TspackError(
    "BUILDPACK_NOT_FOUND",
    `${source}: ${text} is neither there as a file nor in the builder, and no image of that name was found`,
    { cause, hint: meant === undefined ? has : `did you mean ${meant}? ${has}` },
  );
}

/** The candidate that needs the fewest changes of letters, when they are few. */
export function closest(text: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(text.length / 4));
  const best = candidates
    .map((candidate) => ({ candidate, distance: Math.min(distanceOf(text, candidate), tailDistance(text, candidate)) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= limit ? best.candidate : undefined;
}

/** People leave out the part before the slash. */
function tailDistance(text: string, candidate: string): number {
  return candidate.includes("/") && !text.includes("/")
    ? distanceOf(text, candidate.slice(candidate.indexOf("/") + 1))
    : Number.POSITIVE_INFINITY;
}

/** Levenshtein's distance. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
