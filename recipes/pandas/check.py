import io

import numpy as np
import pandas as pd

frame = pd.read_csv(io.StringIO("day,town,x\n2024-02-28,Oslo,1.5\n2024-02-29,Oslo,2.5\n2024-03-01,Rome,4\n"), parse_dates=["day"])
assert str(frame.dtypes["day"]) == "datetime64[ns]"
assert frame.groupby("town")["x"].mean().to_dict() == {"Oslo": 2.0, "Rome": 4.0}
assert frame.set_index("day")["x"].resample("MS").sum().tolist() == [4.0, 4.0]
assert frame["x"].rolling(2).mean().tolist()[1:] == [2.0, 3.25]
assert frame.merge(pd.DataFrame({"town": ["Oslo"], "land": ["Norway"]}))["land"].tolist() == ["Norway"] * 2
assert pd.Timestamp("2024-03-31 02:30", tz="UTC").tz_convert("Europe/Oslo").hour == 4
assert pd.read_json(io.StringIO(frame.to_json(orient="split")), orient="split").shape == frame.shape
assert np.isclose(pd.Series(range(1000)).ewm(span=10).mean().iloc[-1], 994.5)
assert pd.factorize(pd.Series(["b", "a", "b"]), sort=True)[0].tolist() == [1, 0, 1]
try:
    pd.to_datetime("2024-13-01")
except ValueError:
    pass
else:
    raise AssertionError("a month that there is not was read")
