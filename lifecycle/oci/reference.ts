import type { Digest } from "./digest.ts";

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
