"""What people do with pandas, in each of its compiled parts: reading, hashing, joining, dates, windows, JSON."""

import io
import math

import numpy as np
import pandas as pd
from pytz import NonExistentTimeError

CSV = """\
day,place,degrees,note
2024-03-30 23:30,Köln,9.5,"wind, rain"
2024-03-31 00:30,Köln,9.0,
2024-03-30 23:30,Graz,11.25,fair
2024-03-31 00:30,Graz,,fair
"""

frame = pd.read_csv(io.StringIO(CSV), parse_dates=["day"])
assert list(frame.dtypes.astype(str)) == ["datetime64[ns]", "object", "float64", "object"]
assert frame["note"].isna().tolist() == [False, True, False, False]
assert pd.read_csv(io.StringIO(frame.to_csv(index=False)), parse_dates=["day"]).equals(frame)

# groupby, merge, pivot, sorting.
means = frame.groupby("place")["degrees"].agg(["mean", "count", "max"])
assert means.loc["Köln"].tolist() == [9.25, 2.0, 9.5]
assert means.loc["Graz"].tolist() == [11.25, 1.0, 11.25]
heights = pd.DataFrame({"place": ["Graz", "Wien", "Köln"], "height": [353, 151, 53]})
merged = frame.merge(heights, on="place", how="outer", indicator=True).sort_values(["height", "day"])
assert merged["height"].tolist() == [53, 53, 151, 353, 353]
assert (merged["_merge"] == "right_only").sum() == 1
table = frame.pivot(index="day", columns="place", values="degrees")
assert table.shape == (2, 2)
assert table["Graz"].isna().sum() == 1
assert pd.crosstab(frame["place"], frame["note"].fillna("none")).to_numpy().sum() == 4

# Time zones, the hour that a night lacks among them; by zoneinfo's data and by pytz.
local = frame["day"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
assert local.dt.hour.tolist() == [0, 1, 0, 1]
assert str(pd.Timestamp("2024-07-01 12:00", tz="America/New_York").tz_convert("UTC")) == "2024-07-01 16:00:00+00:00"
try:
    pd.Timestamp("2024-03-31 02:30").tz_localize("Europe/Berlin")
except NonExistentTimeError:
    pass
else:
    raise AssertionError("an hour that there was not")
days = pd.date_range("2024-01-31", periods=4, freq="ME")
assert [str(day.date()) for day in days] == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
assert pd.Timedelta("1 days 02:03:04.5") / pd.Timedelta(seconds=1) == 93784.5
assert pd.Period("2024Q1").end_time.month == 3
assert pd.to_datetime(["1 Mar 2024", "2024-03-02"], format="mixed").day.tolist() == [1, 2]

# Windows, resampling, intervals, categories, sparse values.
steps = pd.Series(np.arange(48.0), index=pd.date_range("2024-01-01", periods=48, freq="h"))
assert steps.resample("D").sum().tolist() == [276.0, 852.0]
assert steps.rolling(3).mean().iloc[-1] == 46.0
assert steps.rolling("2h").max().iloc[5] == 5.0
assert math.isclose(steps.ewm(span=3).mean().iloc[-1], 46.0, abs_tol=1e-9)
assert pd.cut(steps, [0, 12, 24, 48]).value_counts().tolist() == [23, 12, 12]
assert pd.Series(["b", "a", "b"], dtype="category").cat.codes.tolist() == [1, 0, 1]
assert pd.Series(pd.arrays.SparseArray([0, 0, 5])).sparse.density == 1 / 3

# Strings, JSON, numbers that are not there, indices of several levels.
assert frame["place"].str.upper().str.normalize("NFC").iloc[0] == "KÖLN"
assert frame["place"].str.extract("(?P<first>.)")["first"].tolist() == ["K", "K", "G", "G"]
assert pd.read_json(io.StringIO(means.to_json(orient="split")), orient="split").equals(means)
assert pd.array([1, None, 3], dtype="Int64").sum() == 4
levels = frame.set_index(["place", "day"])["degrees"].unstack(0)
assert levels.columns.tolist() == ["Graz", "Köln"]
assert frame.eval("degrees * 2")[0] == 19.0
assert frame.query("degrees > 9.2")["place"].tolist() == ["Köln", "Graz"]

# Large keys and many of them: the hash tables.
keys = pd.Series(np.arange(100_000) % 997 + 2**60)
assert keys.nunique() == 997
assert keys.groupby(keys).size().max() == 101
assert keys.duplicated().sum() == 100_000 - 997

assert "Köln" in frame.to_html()
assert repr(frame).splitlines()[0].split() == ["day", "place", "degrees", "note"]
try:
    pd.read_csv(io.StringIO("a,b\n1,2,3\n1,2,3,4\n"))
except pd.errors.ParserError:
    pass
else:
    raise AssertionError("a row too long was read")
