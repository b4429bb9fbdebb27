/** A buildpack or an extension that somebody asks for, before it is known where it is. */
export type BuildpackRequest =
  /** As on the command line: an id, a path, an address or an image, which is not known yet. */
  | { readonly kind: "reference"; readonly text: string }
  /** One that the builder has, or that is asked for beside this one. */
  | { readonly kind: "id"; readonly id: string; readonly version?: string | undefined }
  /** A path, an address or an image: `docker://…`. */
  | { readonly kind: "uri"; readonly uri: string }
  /** A script of a project descriptor. Project descriptor, `[io.buildpacks.group.script]`. */
  | {
      readonly kind: "inline";
      readonly id: string;
      readonly version: string;
      /** The Buildpack API that the script is written for. */
      readonly api: string;
      /** What `bin/build` does. */
      readonly script: string;
      /** The program that reads the script. */
      readonly shell: string;
    };

/** Requests in the order in which they were given, and what their paths are relative to. */
export interface BuildpackRequests {
  readonly requests: readonly BuildpackRequest[];
  /** The working directory for the command line, the descriptor's directory for `project.toml`. */
  readonly baseDir: string;
  /** The real path of a directory that paths must not lead out of: who asks is not this person. */
  readonly within?: string | undefined;
}

/** The requests of options that may be given several times and hold lists with commas. */
export function requestsOf(texts: readonly string[]): readonly BuildpackRequest[] {
  return texts
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "")
    .map((text) => ({ kind: "reference", text }));
}
