"""Numbers of the paper (arXiv 2502.04976, Tables 2 to 5): shown beside ours, never mixed in.

The paper's data, splits and raters are not ours; a column of it is always marked as the paper's.
"""

from __future__ import annotations

from typing import Final

Numbers = dict[str, tuple[float, ...]]

TABLE2_COLUMNS: Final = ("Acc", "Dist-1", "Dist-2")
TABLE2: Final[Numbers] = {
    "KEMP": (35.87, 0.41, 1.78),
    "CEM": (37.32, 0.50, 2.07),
    "CASE": (40.96, 0.54, 2.14),
    "Empatheia": (48.51, 2.69, 14.76),
    "w/o CoE": (46.62, 2.49, 12.77),
    "w/o SPC&VID": (45.89, 2.43, 12.56),
}
TABLE3_COLUMNS: Final = ("MOS", "SMOS", "CPBD", "SSIM", "Sync_cf")
TABLE3: Final[Numbers] = {
    "Ground truth": (4.35, 4.81, 0.20, 1.0, 3.93),
    "Pipeline": (3.88, 3.97, 0.08, 0.43, 1.95),
    "Empatheia (ChatGLM3)": (3.99, 4.08, 0.14, 0.45, 2.41),
    "Empatheia (Flan-T5)": (4.07, 4.09, 0.14, 0.46, 2.26),
    "Empatheia (Vicuna)": (4.16, 4.33, 0.15, 0.49, 2.76),
    "w/o CS": (3.90, 4.07, 0.08, 0.44, 2.21),
    "w/o SD": (3.83, 4.10, 0.11, 0.41, 2.16),
    "w/o L_emp + L_ccl + L_sac": (3.90, 4.11, 0.10, 0.33, 2.14),
    "w/o L_ccl": (4.04, 4.25, 0.13, 0.45, 2.36),
    "w/o L_sac": (4.10, 4.29, 0.11, 0.41, 2.45),
}
TABLE4_COLUMNS: Final = ("Emp", "Coh", "Inf", "Flu")
TABLE4: Final[Numbers] = {
    "KEMP": (2.97, 3.11, 2.80, 4.13),
    "CEM": (3.18, 3.17, 3.15, 4.39),
    "CASE": (3.03, 3.21, 3.14, 4.31),
    "Empatheia": (4.33, 4.02, 3.95, 4.67),
    "w/o SPC&VID": (4.12, 3.98, 3.67, 4.49),
    "w/o CoE": (4.03, 3.77, 3.49, 4.35),
}
TABLE5_COLUMNS: Final = ("SCA", "VCA", "SEA", "VEA", "MCC", "MSC")
TABLE5: Final[Numbers] = {
    "Pipeline": (3.23, 3.28, 3.75, 3.62, 3.10, 3.19),
    "Empatheia": (3.92, 3.85, 4.39, 4.46, 3.98, 3.91),
    "w/o CS": (3.46, 3.34, 3.78, 3.63, 3.29, 3.30),
    "w/o SD": (3.55, 3.53, 3.84, 3.77, 3.45, 3.55),
    "w/o L_emp + L_ccl + L_sac": (3.33, 3.47, 3.92, 3.78, 3.51, 3.70),
    "w/o L_ccl": (3.67, 3.50, 4.14, 4.25, 3.74, 3.79),
    "w/o L_sac": (3.88, 3.82, 3.99, 4.04, 3.81, 3.74),
}
