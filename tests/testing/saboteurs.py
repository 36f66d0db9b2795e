"""For each clause, how a good plugin is changed so that it breaks this one alone."""

from __future__ import annotations

from families import Change

PLUGIN, MODEL, RECIPE = "zoo/plugin.json", "zoo/models/NAME.json", "zoo/recipes/NAME.json"
CODE = "generators.py"
_IMAGES = "        images = np.tanh(values).astype(np.float32)\n"
_OPEN = "        (path,) = weights.values()\n"
_DEPRECATED = '__import__("aigc_core.deprecation").deprecation.deprecated("what it did", "what it does", "9.0")\n'
_STRICT = """        if {name: values.shape for name, values in tensors.items()} != SHAPES:
            raise Refused(f"{path} does not fit.")
"""

SABOTEURS: dict[str, tuple[str, Change]] = {
    "M1": ("paint", Change(PLUGIN, ("sumary",), "A misspelt field.")),
    "M2": ("paint", Change(MODEL, ("terms", "licence"), "A field that nobody knows.")),
    "M3": ("paint", Change(MODEL, ("terms", "weights"), None)),
    "C1": ("paint", Change(PLUGIN, ("components", "losses"), {"lost": "json:nothing"})),
    "C2": ("paint", Change("plugin.py", "@hookimpl\n", "")),
    "C3": ("paint", Change(MODEL, ("capabilities",), ["generate", "decode"])),
    "C4": ("paint", Change(PLUGIN, ("components", "generators", "other"), "json:JSONDecoder")),
    "O1": ("paint", Change(CODE, 'options["gain"] * ', "")),
    "O2": ("paint", Change(MODEL, ("use", "options", "properties", "class", "maximum"), 9)),
    "N1": ("paint", Change(CODE, _IMAGES, _IMAGES.replace("values", "values + np.random.default_rng().normal()"))),
    "N2": ("paint", Change(CODE, _IMAGES, _IMAGES.replace("values", "values + np.arange(len(values))[:, None] % 2"))),
    "N3": ("paint", Change(CODE, _IMAGES, _IMAGES.replace("values", "values + (len(values) == 1)"))),
    "N4": ("paint", Change(CODE, '(noise["class"] * 3).astype(int)', "np.zeros(len(latent := noise['latent']), int)")),
    "N5": ("paint", Change(CODE, _IMAGES, '        noise["latent"] += 1\n' + _IMAGES)),
    "S1": ("paint", Change(CODE, "astype(np.float32)\n", "astype(np.float64)\n")),
    "S2": ("paint", Change(CODE, "np.tanh(values)", "(1 / (1 + np.exp(-values)))")),
    "S3": ("paint", Change(CODE, '(noise["class"] * 3)', '(noise["class"] * 3 + 1e-6)')),
    "R1": ("paint", Change(CODE, _IMAGES, "        np.random.rand()\n" + _IMAGES)),
    "R2": (
        "forge",
        Change(
            CODE,
            "    @torch.inference_mode()\n    def generate(self, noise, options):\n",
            ("    def generate(self, noise, options):\n        torch.set_grad_enabled(False)\n"),
        ),
    ),
    "R3": (
        "forge",
        Change(
            CODE,
            "        return cls(network, device)\n",
            ("        network.spare.train()\n        return cls(network, device)\n"),
        ),
    ),
    "R4": (
        "paint",
        Change(
            CODE, _IMAGES, '        self.seen = getattr(self, "seen", np.zeros(1))\n        self.seen += 1\n' + _IMAGES
        ),
    ),
    "R5": ("paint", Change(CODE, _IMAGES, '        np.seterr(all="ignore", over="raise")\n' + _IMAGES)),
    "R6": ("paint", Change(CODE, _OPEN, _OPEN + "        np.random.normal(size=(6, 16))\n")),
    "W1": (
        "paint",
        Change(
            CODE,
            _STRICT,
            (
                "        if any(SHAPES.get(name) != values.shape for name, values in tensors.items()):\n"
                '            raise Refused(f"{path} does not fit.")\n'
                "        tensors = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()} | tensors\n"
            ),
        ),
    ),
    "W2": (
        "paint",
        Change(CODE, _STRICT, _STRICT.replace("in tensors.items()}", "in tensors.items() if name in SHAPES}")),
    ),
    "W3": (
        "paint",
        Change(
            CODE,
            _STRICT,
            (
                '        if tensors.keys() != SHAPES.keys():\n            raise Refused("It does not fit.")\n'
                "        tensors = {name: tensors[name][: shape[0]] for name, shape in SHAPES.items()}\n"
            ),
        ),
    ),
    "W4": (
        "forge",
        Change(
            CODE,
            "        return cls(network, device)\n",
            (
                "        for value in network.parameters():\n            value.data = value.data.half().float()\n"
                "        return cls(network, device)\n"
            ),
        ),
    ),
    "W5": (
        "paint",
        Change(
            CODE,
            "        tensors = load_file(path)\n",
            (
                "        tensors = load_file(path)\n"
                '        if path.read_bytes().find(b"matrix") < path.read_bytes().find(b"bias"):\n'
                '            tensors["bias"] = tensors["bias"] + 1\n'
            ),
        ),
    ),
    "L1": (
        "forge",
        Change(
            "losses.py",
            '"discriminator": ("real_logits", "fake_logits")',
            '"discriminator": ("real_logits", "fake_logits", "labels")',
        ),
    ),
    "L2": (
        "forge",
        Change(
            "losses.py", 'softplus(inputs["fake_logits"]).mean()', '-(1 - inputs["fake_logits"].sigmoid()).log().mean()'
        ),
    ),
    "L3": ("forge", Change("losses.py", '{"loss": real + fake,', '{"loss": (real + fake) / 2,')),
    "L4": (
        "forge",
        Change("losses.py", 'softplus(-inputs["real_logits"]).mean(),', 'softplus(-inputs["real_logits"]).sum(),'),
    ),
    "L5": (
        "forge",
        Change(
            "losses.py",
            'softplus(-inputs["real_logits"]).mean(), softplus(inputs["fake_logits"])',
            'softplus(inputs["real_logits"]).mean(), softplus(-inputs["fake_logits"])',
        ),
    ),
    "T1": ("forge", Change(RECIPE, ("networks", "discriminator", "config", "width"), 8)),
    "T2": (
        "forge",
        Change("trainer.py", '{"fake_logits": discriminator(fake)})', '{"fake_logits": discriminator(fake) / 0})'),
    ),
    "T3": (
        "forge",
        Change(
            "trainer.py",
            "        fake = generator(latent)\n",
            (
                "        import torch\n\n        if torch.is_grad_enabled():\n            with torch.no_grad():\n"
                "                for value in discriminator.parameters():\n                    value.mul_(0.99)\n"
                "        fake = generator(latent)\n"
            ),
        ),
    ),
    "T4": ("forge", Change("trainer.py", "discriminator(images),", "discriminator(images / images.std(0)[0].mean()),")),
    "T5": (
        "forge",
        Change(
            "networks.py",
            "        self.layers = nn.Sequential",
            "        self.spare = nn.Linear(2, 2)\n        self.layers = nn.Sequential",
        ),
    ),
    "T6": (
        "forge",
        Change(
            "trainer.py",
            "        fake = generator(latent)\n",
            (
                "        import torch\n\n        if torch.is_grad_enabled():\n"
                "            self.seen = getattr(self, 'seen', 0) + 1\n"
                "            images = images * self.seen\n        fake = generator(latent)\n"
            ),
        ),
    ),
    "T7": (
        "forge",
        Change(
            "trainer.py",
            "        fake = generator(latent)\n",
            (
                "        import random\n\n        images = images * random.SystemRandom().random()\n"
                "        fake = generator(latent)\n"
            ),
        ),
    ),
    "T8": (
        "forge",
        Change(
            "networks.py",
            "    def forward(self, images):\n",
            (
                "        self.register_buffer('seen', torch.zeros(1))\n\n"
                "    def forward(self, images):\n        self.seen += 1\n"
            ),
        ),
    ),
    "T9": (
        "forge",
        Change("networks.py", "        return self.layers(images)\n", "        return self.layers(images).sigmoid()\n"),
    ),
    "X1": (
        "talk",
        Change(
            CODE,
            "        return Scores(tokens, logprobs)\n",
            "        return Scores(tokens, logprobs - 0.01 * len(tokens))\n",
        ),
    ),
    "X2": (
        "talk",
        Change(CODE, "        return token, float(row[token])\n", "        return token, float(row[token]) - 0.5\n"),
    ),
    "X3": (
        "talk",
        Change(
            CODE,
            "        self.logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))\n",
            ("        self.logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True)) + 0.2\n"),
        ),
    ),
    "X4": ("talk", Change(CODE, "uniform[at]", "(uniform[at] + uniform[6:].sum()) % 1")),
    "X5": (
        "talk",
        Change(
            CODE,
            "        if temperature == 0:\n",
            "        temperature = temperature or 1\n        if temperature == 0:\n",
        ),
    ),
    "X6": ("talk", Change(CODE, "            at = count\n", "            at = self.steps\n")),
    "X7": ("talk", Change(CODE, '"length" if count == most else ""', '"enough" if count == most else ""')),
    "X8": (
        "talk",
        Change(
            CODE,
            'most = request.options["max_new_tokens"]',
            'most = max(1, request.options["max_new_tokens"] + 1 - len(request.tokens))',
        ),
    ),
    "P1": ("coder", Change(CODE, "        return found\n", "        return found.astype(np.float32)\n")),
    "P2": ("coder", Change(CODE, "        return found\n", "        return found + 100\n")),
    "P3": ("coder", Change(CODE, "        return found\n", "        return found - np.arange(len(found))[:, None]\n")),
    "P4": ("coder", Change(CODE, "exact, levels, draw = False,", "exact, levels, draw = True,")),
    "P5": (
        "coder",
        Change(
            CODE, "        return np.repeat(exact[:, None],", "        return np.repeat(exact[:, None] / np.log(2),"
        ),
    ),
    "A1": ("coder", Change(CODE, "Latents(means, deviations)", "Latents(means, -deviations)")),
    "A2": (
        "coder",
        Change(
            CODE,
            '        return Samples("image", self._means(latents).reshape',
            '        return Samples("image", 1 + self._means(latents).reshape',
        ),
    ),
    "A3": ("coder", Change(CODE, "        weights = weights[:, None]\n", "        weights = 1 - weights[:, None]\n")),
    "A4": ("coder", Change(CODE, "Latents(means, deviations)", "Latents(means - means.mean(0), deviations)")),
    "A5": ("coder", Change(CODE, "Latents(means, deviations)", "Latents(means, (images.fill(0.5), deviations)[1])")),
    "A6": ("coder", Change(CODE, "Latents(means, deviations)", "Latents(0 * means, deviations)")),
    "H1": ("paint", Change(CODE, _OPEN, _OPEN + '        __import__("socket").getaddrinfo("127.0.0.1", 80)\n')),
    "H2": (
        "paint",
        Change(
            CODE,
            _OPEN,
            _OPEN + '        __import__("pathlib").Path(__file__).with_name("seen.txt").write_text("seen")\n',
        ),
    ),
    "H3": ("paint", Change(CODE, _OPEN, _OPEN + '        print("hello")\n')),
    "H4": ("paint", Change("plugin.py", "from aigc_core", "import torch\n\nfrom aigc_core")),
    "H5": ("paint", Change(MODEL, ("budget", "seconds"), 0.0001)),
    "H6": ("paint", Change(MODEL, ("budget", "memory_mb"), 1)),
    "H7": ("paint", Change(CODE, _IMAGES, "        " + _DEPRECATED + _IMAGES)),
    "H8": (
        "forge",
        Change(
            "losses.py",
            '        if network == "generator":\n',
            "        " + _DEPRECATED + '        if network == "generator":\n',
        ),
    ),
}
"""Clause to the family that is spoilt, and how."""
