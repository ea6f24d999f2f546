#!/usr/bin/env bash
# Judge RUN, write what it comes to on pull request PULL, and end with the check's exit code.
# The comment of an earlier push is written over. Without a pull request nothing is posted.
set -euo pipefail
comment=$(mktemp)
code=0
liftlab check "$RUN" --undecided "$UNDECIDED" --comment "$comment" || code=$?

post() {
    local comments="repos/$GITHUB_REPOSITORY/issues/$PULL/comments" ours id
    ours='.[] | select(.user.type == "Bot" and (.body | startswith("<!-- liftlab check -->"))) | .id'
    id=$(gh api --paginate "$comments" --jq "$ours" | sed -n 1p) || return
    if [ -n "$id" ]; then
        gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$comment"
    else
        gh api --silent "$comments" -F "body=@$comment"
    fi
}

if [ -n "${PULL:-}" ] && [ -s "$comment" ]; then
    # The token of a fork's pull request may not write: the check counts all the same.
    post || echo "::warning::liftlab check: the comment was not posted"
fi
exit "$code"
