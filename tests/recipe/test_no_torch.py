import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["rates", "phase", "recipe", "methods", "text", "mistakes", "schedule"])
def test_the_recipe_room_imports_no_torch(module: str) -> None:
    code = f"import sys, warmstart.recipe.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
