# What activate.sh would do, in a word; changes nothing.
[ -e "$INSTALL/$STAMP/.complete" ] || echo "install $STAMP"
[ "$(readlink "$INSTALL/python3" || true)" = "$PYTHON" ] || echo "run it with $PYTHON"
[ "$(readlink "$INSTALL/current" || true)" = "$STAMP" ] || echo "run the agent of $STAMP"
