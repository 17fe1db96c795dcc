"""What is measured by stubs stands beside the tests, where other processes can import it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
