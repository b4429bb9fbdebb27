import { parseStanzas } from "./stanza.ts";

/** A file of apt's configuration: `sources.list` or one of `sources.list.d`. */
export interface AptSourceFile {
  readonly name: string;
  readonly text: string;
}

/** One place that apt would fetch a suite from. */
export interface AptSource {
  /** Without a `/` at the end. */
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/**
 * Reads apt's source lists, in both forms: paragraphs (`*.sources`) and lines (`*.list`).
 * Sources of source packages, switched-off ones and schemes other than http(s) are left out.
 * Manual page sources.list(5).
 */
export function parseAptSources(files: readonly AptSourceFile[]): readonly AptSource[] {
  return files.flatMap((file) => {
    if (file.name.endsWith(".sources")) return paragraphSources(file.text);
    return file.name.endsWith(".list") ? lineSources(file.text) : [];
  });
}

/** Where each of the suites is fetched from; a suite that no source has is absent. The first source wins. */
export function mirrorsFromAptSources(
  files: readonly AptSourceFile[],
  suites: readonly string[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const source of parseAptSources(files)) {
    if (!suites.includes(source.suite) || !source.components.includes("main") || found.has(source.suite)) continue;
    found.set(source.suite, source.uri);
  }
  return found;
}

function paragraphSources(text: string): readonly AptSource[] {
  return parseStanzas(text).flatMap((stanza) => {
    const words = (field: string): readonly string[] =>
      (stanza.get(field) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("types").includes("deb") || /^(no|false|0)$/i.test(stanza.get("enabled") ?? "")) return [];
    return words("uris")
      .filter(isHttp)
      .flatMap((uri) =>
        words("suites").map((suite) => ({ uri: trimSlash(uri), suite, components: words("components") })),
      );
  });
}

function lineSources(text: string): readonly AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)((?:\s+[^#\s]\S*)*)/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined || !isHttp(match[1])) return [];
    const components = (match[3] ?? "").split(/\s+/).filter((word) => word !== "");
    return [{ uri: trimSlash(match[1]), suite: trimSlash(match[2]), components }];
  });
}

function isHttp(uri: string): boolean {
  return /^https?:\/\//i.test(uri);
}

function trimSlash(text: string): string {
  return text.replace(/\/+$/, "");
}
