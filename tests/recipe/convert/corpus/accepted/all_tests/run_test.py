import tested
