"""Checksums of the published datasets, and where they come from."""

# For each file, in the order of `catalog.NAMES`:
# - checksum of the published .gz file: SHA-256, or MD5 after "md5:", in hexadecimal;
# - SHA-256 of the file in data/raw, or None: this project does not know it.
CHECKSUMS: dict[str, tuple[tuple[str, str | None], ...]] = {
    # Computed by this project from the published files.
    "mnist": (
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    # Computed by this project from the published files.
    "fashion-mnist": (
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    # From TensorFlow Datasets; this project has no copy of the files.
    "kmnist": (
        ("51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", None),
        ("e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", None),
        ("edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", None),
        ("20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", None),
    ),
    # From Deeplearning4j, and equal in the Python package mnists, which reads the files in NIST's
    # archive. This project has no copy. (MD5 of the archive: 58c8d27c78d21e728a6bc7b3cc06412e)
    "emnist-balanced": (
        ("md5:4041b0d6f15785d3fa35263901b5496b", None),
        ("md5:7a35cc7b2b7ee7671eddf028570fbd20", None),
        ("md5:6818d20fe2ce1880476f747bbc80b22b", None),
        ("md5:acd3694070dcbf620e36670519d4b32f", None),
    ),
    # As emnist-balanced.
    "emnist-letters": (
        ("md5:8795078f199c478165fe18db82625747", None),
        ("md5:c16de4f1848ddcdddd39ab65d2a7be52", None),
        ("md5:382093a19703f68edac6d01b8dfdfcad", None),
        ("md5:d4108920cd86601ec7689a97f2de7f59", None),
    ),
    # Those with a content were computed by this project from the authors' repository. The MD5 is
    # from a contribution to Keras, whose MD5s of the other three files are right.
    "kannada-mnist": (
        ("md5:db2cd247b479801b3a882ab980b340c3", None),
        (
            "ef11e1d3e378fefbe78d4c9913dc9617c83fc5f9240b090121fcc335b5642201",
            "42d8a31792fb59dcec85b8e5b62bd03598c1a96f4edffe6f6a3e95daac9319ef",
        ),
        (
            "4628f3fa7b1d32137449dd356be4601da0c28c420b79f1b745a5134504ca35ca",
            "be3a7f7fd24b3eb62f28ab1e3f9e5a380738e87000f99417c14f94ca89616cf4",
        ),
        (
            "645db5902d290681c9e5b452428e24636963a50a3036c2201240351b88786272",
            "2a4fb3eec0877aa3d4ab80d8f59374733af9b2b2966e8be0e50efe715f443a4d",
        ),
    ),
    # Those of the labels were computed by this project from the authors' repository; those of the
    # images are from torchvision. The training labels are those of MNIST.
    "qmnist": (
        ("9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d", None),
        (
            "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        ("43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375", None),
        (
            "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
            "dbc433804379831d5aa1f78549bc9a1db7266c82d319f407d05246e3e45b6753",
        ),
    ),
}
