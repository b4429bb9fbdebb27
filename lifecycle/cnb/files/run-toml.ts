/** One run image with its mirrors. `run.toml`, Platform specification. */
export interface RunImageForExport {
  readonly image: string;
  readonly mirrors: readonly string[];
}

/** `run.toml`. */
export interface RunToml {
  readonly images: readonly RunImageForExport[];
}
