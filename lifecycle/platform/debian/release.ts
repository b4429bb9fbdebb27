import { TspackError } from "../../errors.ts";
import { parseStanzas } from "./stanza.ts";

/** A file that a Release file vouches for. */
export interface ReleaseFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What a suite says about itself in its (In)Release file. */
export interface Release {
  readonly codename: string;
  readonly date: Date;
  readonly validUntil: Date | undefined;
  /** Whether files can be asked for by their hash, which is safe while the mirror is being updated. */
  readonly byHash: boolean;
  /** Of its versions, against 500 of others: lower for backports (100) and experimental (1). apt_preferences(5). */
  readonly priority: number;
  readonly files: ReadonlyMap<string, ReleaseFile>;
}

/** Reads the text of a Release file whose signature was checked. Throws `SIGNATURE_INVALID` when it has no date or no SHA-256 list. */
export function parseRelease(text: string, source: string): Release {
  const fields = parseStanzas(text)[0] ?? new Map<string, string>();
  const date = dateOf(fields.get("date"));
  const files = fields.get("sha256");
  if (date === undefined || files === undefined) {
    throw new TspackError("SIGNATURE_INVALID", `${source} is not a Release file: it has no Date or no SHA256 list`);
  }
  return {
    codename: fields.get("codename") ?? "",
    date,
    validUntil: dateOf(fields.get("valid-until")),
    byHash: fields.get("acquire-by-hash") === "yes",
    priority: fields.get("notautomatic") !== "yes" ? 500 : fields.get("butautomaticupgrades") === "yes" ? 100 : 1,
    files: new Map(parseFiles(files).map((file) => [file.path, file])),
  };
}

/**
 * Refuses a Release file that is signed but not the wanted one: another suite's (a mirror, or
 * who stands before it, could swap them), or one that is too old to be true.
 */
export function checkRelease(release: Release, wanted: { readonly codename: string; readonly now: Date }): void {
  if (release.codename !== wanted.codename) {
    const message = `The mirror's suite ${wanted.codename} says that it is "${release.codename}"`;
    throw new TspackError("SIGNATURE_INVALID", message, { hint: "use another mirror" });
  }
  if (release.validUntil !== undefined && release.validUntil < wanted.now) {
    const message = `The mirror's suite ${wanted.codename} was valid until ${release.validUntil.toISOString()} only`;
    throw new TspackError("SIGNATURE_INVALID", message, {
      hint: "the mirror is no longer updated, or this machine's clock is wrong",
    });
  }
}

function parseFiles(list: string): readonly ReleaseFile[] {
  return list.split("\n").flatMap((line) => {
    const [sha256, size, path] = line.trim().split(/\s+/);
    if (sha256 === undefined || size === undefined || path === undefined) return [];
    return [{ sha256, size: Number(size), path }];
  });
}

function dateOf(text: string | undefined): Date | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : new Date(time);
}
