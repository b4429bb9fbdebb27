/** A format of SBOM files that buildpacks may write. Buildpack specification, "Software-Bill-of-Materials". */
export interface SbomFormat {
  readonly mediaType: string;
  /** The name in the SBOM layer, and the end of the buildpack's file name. */
  readonly fileName: string;
}

/** The formats that the lifecycle knows. */
export const sbomFormats: readonly SbomFormat[] = [
  { mediaType: "application/vnd.cyclonedx+json", fileName: "sbom.cdx.json" },
  { mediaType: "application/spdx+json", fileName: "sbom.spdx.json" },
  { mediaType: "application/vnd.syft+json", fileName: "sbom.syft.json" },
];
